/** Choosing one of the registered hospitals. */

import { getJson } from "../shared/api";
import type { Institution } from "../shared/types";
import { useLoad } from "../shared/use-load";

interface Props {
  value: string;
  onChange: (code: string) => void;
  /** What stands for no hospital; a required choice has none. */
  none?: string;
  required?: boolean;
}

export function HospitalSelect({ value, onChange, none = "全部医院 All hospitals", required = false }: Props) {
  const { data } = useLoad("institutions", () =>
    getJson<{ institutions: Institution[] }>("/api/ingest-api/v1/institutions"),
  );
  return (
    <select
      class="field hospital-select"
      aria-label="医院 Hospital"
      value={value}
      required={required}
      onChange={(event) => onChange(event.currentTarget.value)}
    >
      <option value="">{none}</option>
      {data?.institutions.map(({ code, name }) => (
        <option key={code} value={code}>
          {name}
        </option>
      ))}
    </select>
  );
}
