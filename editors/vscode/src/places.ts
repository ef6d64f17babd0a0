/** Where a hit lies in the text as it is now: a file may have been edited since the answer came. */
import * as vscode from 'vscode';
import type { Hit } from './protocol';

export interface Place {
  range: vscode.Range;
  /** Whether what was found still reads the same; if not, the range is a guess. */
  found: boolean;
}

/** Return where a hit lies in these lines: at the nearest line that reads like the hit's first one. */
export function locate(lines: readonly string[], hit: Hit): Place {
  const { start, end } = hit.range;
  const { text, below } = landmark(hit);
  const drift = text ? nearest(lines, start.line + below, text) : 0;
  return {
    range: within(lines, start.line + (drift ?? 0), start.character, end.line + (drift ?? 0), end.character),
    found: drift !== undefined,
  };
}

/** Return the hit's place in a document, which is opened if it is not. */
export async function locateIn(hit: Hit): Promise<{ document: vscode.TextDocument; place: Place }> {
  const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(hit.uri));
  if (document.version === hit.version) {
    return { document, place: { range: document.validateRange(rangeOf(hit)), found: true } };
  }
  return { document, place: locate(linesOf(document.getText()), hit) };
}

export function linesOf(text: string): string[] {
  return text.split(/\r\n|\n|\r/);
}

export function rangeOf(hit: Hit): vscode.Range {
  const { start, end } = hit.range;
  return new vscode.Range(start.line, start.character, end.line, end.character);
}

/** Return the first line of a hit that says something, and how far below its start it is. */
function landmark(hit: Hit): { text: string; below: number } {
  const lines = linesOf(hit.excerpt);
  const below = lines.findIndex((line) => /\w/.test(line));
  return below < 0 ? { text: '', below: 0 } : { text: lines[below] ?? '', below };
}

function nearest(lines: readonly string[], line: number, text: string): number | undefined {
  for (let distance = 0; distance < lines.length + line; distance += 1) {
    for (const drift of [distance, -distance]) {
      if (lines[line + drift]?.endsWith(text)) return drift;
    }
  }
  return undefined;
}

function within(lines: readonly string[], first: number, from: number, last: number, to: number): vscode.Range {
  const clamp = (line: number, character: number): vscode.Position => {
    const inside = Math.min(Math.max(line, 0), Math.max(lines.length - 1, 0));
    const most = lines[inside]?.length ?? 0;
    return new vscode.Position(inside, line > inside ? most : Math.min(character, most));
  };
  return new vscode.Range(clamp(first, from), clamp(last, to));
}
