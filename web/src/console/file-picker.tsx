/** Choosing files: a button, what was chosen with its size, and what is wrong with each. */

import { type Content, contentOf } from "../shared/files";
import { bytes } from "../shared/format";
import { Icon } from "../shared/icons";
import type { EntryFault } from "./faults";

interface Props {
  label: string;
  files: Content[];
  onChange: (files: Content[]) => void;
  /** What is wrong with the file of a number; `null`: with all together. */
  faults?: EntryFault[];
}

/** Any number of files; what is chosen later is added. */
export function FilePicker({ label, files, onChange, faults = [] }: Props) {
  async function add(chosen: File[]): Promise<void> {
    const added = await Promise.all(chosen.map(contentOf));
    onChange([...files, ...added]);
  }
  return (
    <div class="picker">
      <FileButton label={label} onChosen={add} multiple isWrong={faults.length > 0} />
      <FaultTexts faults={faults.filter(({ number }) => number === null)} />
      <ul>
        {files.map((file, index) => (
          <li key={index} class={faults.some(({ number }) => number === index) ? "picked wrong" : "picked"}>
            <PickedFile file={file} onRemove={() => onChange(files.filter((one) => one !== file))} />
            <FaultTexts faults={faults.filter(({ number }) => number === index)} />
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Chromium, Firefox and Safari know it by this name; the attribute has no other. */
const FOLDER = { webkitdirectory: true };

interface ButtonProps {
  label: string;
  onChosen: (files: File[]) => void;
  multiple?: boolean;
  isFolder?: boolean;
  isWrong?: boolean;
  text?: string;
  accept?: string;
}

/** The browser's own control, drawn as a button. */
export function FileButton({ label, onChosen, multiple, isFolder, isWrong, text = "选择文件", accept }: ButtonProps) {
  return (
    <label class="button file-button">
      <Icon name={isFolder ? "folder" : "upload"} size={16} />
      <span>{text}</span>
      <input
        class="visually-hidden"
        type="file"
        aria-label={label}
        aria-invalid={isWrong}
        multiple={multiple}
        {...(isFolder ? FOLDER : {})}
        accept={accept}
        onChange={(event) => {
          onChosen([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = ""; // the same file may be chosen again
        }}
      />
    </label>
  );
}

export function PickedFile({ file, onRemove }: { file: Content; onRemove: () => void }) {
  return (
    <span class="picked-file">
      <span class="mono">{file.name}</span>
      <span class="muted">{bytes(file.bytes.length)}</span>
      <button type="button" class="button quiet" title="移除 Remove" onClick={onRemove}>
        <Icon name="cross" size={14} />
        <span class="visually-hidden">移除 {file.name}</span>
      </button>
    </span>
  );
}

export function FaultTexts({ faults }: { faults: { message: string }[] }) {
  return (
    <>
      {faults.map(({ message }) => (
        <span key={message} class="fault-text">
          {message}
        </span>
      ))}
    </>
  );
}
