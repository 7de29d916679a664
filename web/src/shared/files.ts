/** Files as the APIs take them: base64 of their octets. */

const CHUNK = 0x8000;

export interface Content {
  name: string;
  bytes: Uint8Array;
}

export async function contentOf(file: File): Promise<Content> {
  return { name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) };
}

export function base64(bytes: Uint8Array): string {
  let text = "";
  for (let start = 0; start < bytes.length; start += CHUNK) {
    text += String.fromCharCode(...bytes.subarray(start, start + CHUNK));
  }
  return btoa(text);
}

/** The octets that base64 stands for, whatever blanks are in it; `null` where it is none. */
export function octets(text: string): Uint8Array | null {
  let binary: string;
  try {
    binary = atob(text.replace(/\s/g, ""));
  } catch {
    return null;
  }
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index += 1) bytes[index] = binary.charCodeAt(index);
  return bytes;
}
