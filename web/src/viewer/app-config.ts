/** The settings of the OHIF viewer (`window.config`), run before it as a classic script. */

import { BASE, entryAddress, isNarrow } from "./entry";

declare global {
  interface Window {
    config: Record<string, unknown>;
  }
}

const ROOT = `${location.origin}/dicom-web`;

history.replaceState(null, "", entryAddress(location.pathname, location.search, sessionStorage));

window.config = {
  name: "radbridge",
  routerBasename: BASE,
  extensions: [],
  modes: [],
  showStudyList: false,
  maxNumberOfWebWorkers: 3,
  showWarningMessageForCrossOrigin: false,
  showCPUFallbackMessage: true,
  showLoadingIndicator: true,
  showErrorDetails: "dev",
  strictZSpacingForVolumeViewport: true,
  investigationalUseDialog: { option: "never" },
  whiteLabeling: {
    createLogoComponentFn: (react: { createElement: (tag: string, props: object, text: string) => unknown }) =>
      react.createElement("span", { className: "radbridge-brand" }, "影桥 RadBridge"),
  },
  customizationService: [{ "ohif.tours": { $set: [] } }],
  modesConfiguration: {
    "@ohif/mode-longitudinal": {
      routes: { 0: { layoutInstance: { props: { leftPanelClosed: { $set: isNarrow(window.innerWidth) } } } } },
    },
  },
  // as many at a time as HTTP/1.1 browsers open to one origin
  maxNumRequests: { interaction: 100, thumbnail: 5, prefetch: 25 },
  defaultDataSourceName: "radbridge",
  dataSources: [
    {
      namespace: "@ohif/extension-default.dataSourcesModule.dicomweb",
      sourceName: "radbridge",
      configuration: {
        friendlyName: "RadBridge 影桥",
        name: "radbridge",
        qidoRoot: ROOT,
        wadoRoot: ROOT,
        qidoSupportsIncludeField: true,
        supportsFuzzyMatching: false,
        supportsWildcard: true,
        supportsReject: false,
        imageRendering: "wadors",
        thumbnailRendering: "wadors",
        enableStudyLazyLoad: true,
        omitQuotationForMultipartRequest: false,
        bulkDataURI: { enabled: true },
      },
    },
  ],
};
