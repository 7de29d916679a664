/** The sets of test data as a form: file by file, or all at once from a folder or a JSON file. */

import { useState } from "preact/hooks";
import { type Content, contentOf } from "../shared/files";
import { Icon } from "../shared/icons";
import { Bi } from "../shared/labels";
import type { FieldFault } from "./faults";
import { FaultTexts, FileButton, PickedFile } from "./file-picker";
import { emptySet, PARTS, type Part, setsOfFolder, setsOfJson, type TestSet, UnusableSets } from "./trial-sets";

const SETS_MAX = 20;
const PASTED = new Set<Part>(["certificate", "signature", "timestamp"]);

interface Props {
  sets: TestSet[];
  /** By fields `sets[0].original`. */
  faults: FieldFault[];
  onChange: (sets: TestSet[]) => void;
}

export function TestSets({ sets, faults, onChange }: Props) {
  const [problem, setProblem] = useState("");

  async function take(files: File[], read: (contents: Content[], paths: string[]) => TestSet[]): Promise<void> {
    if (!files.length) return;
    setProblem("");
    try {
      const paths = files.map((file) => file.webkitRelativePath || file.name);
      onChange(read(await Promise.all(files.map(contentOf)), paths));
    } catch (error) {
      if (!(error instanceof UnusableSets)) throw error;
      setProblem(error.message);
    }
  }

  const changed = (set: TestSet) => onChange(sets.map((one) => (one.key === set.key ? set : one)));

  return (
    <>
      <div class="card at-once">
        <p>
          逐项选择文件，或一次导入：每组一个文件夹，文件名为 <code class="mono">original</code>、
          <code class="mono">certificate</code>、<code class="mono">signature</code>、
          <code class="mono">timestamp</code>、<code class="mono">document</code>（扩展名不限）。
          <span class="en">Choose the files one by one, or bring all sets at once.</span>
        </p>
        <div class="at-once-buttons">
          <FileButton
            label="导入文件夹 Folder"
            text="导入文件夹"
            isFolder
            onChosen={(files) =>
              take(files, (contents, paths) =>
                setsOfFolder(contents.map((content, index) => ({ path: paths[index] ?? "", content }))),
              )
            }
          />
          <FileButton
            label="导入 JSON 文件 JSON file"
            text="导入 JSON"
            accept=".json,application/json"
            onChosen={(files) => take(files, ([file]) => setsOfJson(new TextDecoder().decode(file?.bytes)))}
          />
        </div>
        <FaultTexts faults={problem ? [{ message: problem }] : []} />
      </div>
      <div class="test-sets">
        {sets.map((set, index) => (
          <SetFields
            key={set.key}
            set={set}
            number={index + 1}
            faults={faults.filter(({ field }) => field.startsWith(`sets[${index}]`))}
            onChange={changed}
            onRemove={sets.length > 1 ? () => onChange(sets.filter((one) => one !== set)) : null}
          />
        ))}
      </div>
      {sets.length < SETS_MAX ? (
        <button
          type="button"
          class="button add-set"
          onClick={() => onChange([...sets, emptySet(Math.max(...sets.map(({ key }) => key)) + 1)])}
        >
          <Icon name="plus" size={16} />
          <Bi zh="再加一组" en="One more set" />
        </button>
      ) : null}
    </>
  );
}

interface SetProps {
  set: TestSet;
  number: number;
  faults: FieldFault[];
  onChange: (set: TestSet) => void;
  onRemove: (() => void) | null;
}

function SetFields({ set, number, faults, onChange, onRemove }: SetProps) {
  const faultsOfField = (name: string) => faults.filter(({ field }) => field.endsWith(`].${name}`));
  function give(part: Part, content: Content | null): void {
    const { [part]: _, ...others } = set.parts;
    onChange({ ...set, parts: content ? { ...others, [part]: content } : others });
  }
  return (
    <fieldset class="card test-set" aria-label={`第 ${number} 组 Set ${number}`}>
      <div class="test-set-head">
        <input
          class="field"
          aria-label={`第 ${number} 组名称 Name`}
          value={set.name}
          required
          maxLength={100}
          onInput={(event) => onChange({ ...set, name: event.currentTarget.value })}
        />
        <select
          class="field"
          aria-label={`第 ${number} 组签名格式 Signature format`}
          value={set.signType}
          onChange={(event) => onChange({ ...set, signType: event.currentTarget.value as TestSet["signType"] })}
        >
          <option value="">格式自动识别</option>
          <option value="1">PKCS1</option>
          <option value="2">PKCS7</option>
        </select>
        {onRemove ? (
          <button type="button" class="button quiet" title="删除此组 Remove" onClick={onRemove}>
            <Icon name="cross" size={16} />
            <span class="visually-hidden">删除第 {number} 组</span>
          </button>
        ) : null}
      </div>
      <FaultTexts faults={faultsOfField("name")} />
      <ul class="slots">
        {PARTS.map(({ part, label, hint, needed }) => (
          <Slot
            key={part}
            part={part}
            title={`第 ${number} 组${label.zh}`}
            content={set.parts[part]}
            faults={faultsOfField(part)}
            onGive={(content) => give(part, content)}
          >
            <Bi {...label} />
            <span class="slot-hint muted">
              {hint}
              {needed ? "" : part === "timestamp" ? "" : "（可选）"}
            </span>
          </Slot>
        ))}
      </ul>
    </fieldset>
  );
}

interface SlotProps {
  part: Part;
  title: string;
  content: Content | undefined;
  faults: FieldFault[];
  onGive: (content: Content | null) => void;
  children: preact.ComponentChildren;
}

function Slot({ part, title, content, faults, onGive, children }: SlotProps) {
  const [pasting, setPasting] = useState(false);
  async function choose([file]: File[]): Promise<void> {
    if (!file) return;
    onGive(await contentOf(file));
    setPasting(false);
  }
  return (
    <li class={`slot ${content ? "given" : ""} ${faults.length ? "wrong" : ""}`}>
      <div class="slot-label">{children}</div>
      <div class="slot-buttons">
        {PASTED.has(part) && !content ? (
          <button
            type="button"
            class="button quiet"
            aria-expanded={pasting}
            aria-label={`${title}：粘贴文本`}
            onClick={() => setPasting(!pasting)}
          >
            粘贴
          </button>
        ) : null}
        <FileButton label={title} text={content ? "更换" : "选择文件"} onChosen={choose} isWrong={faults.length > 0} />
      </div>
      {content ? <PickedFile file={content} onRemove={() => onGive(null)} /> : null}
      {pasting && !content ? (
        <textarea
          class="field mono"
          rows={3}
          aria-label={`${title}的文本`}
          placeholder="PEM 或 Base64"
          onChange={(event) => {
            const text = event.currentTarget.value.trim();
            if (text) onGive({ name: "粘贴的文本", bytes: new TextEncoder().encode(text) });
            setPasting(false);
          }}
        />
      ) : null}
      <FaultTexts faults={faults} />
    </li>
  );
}
