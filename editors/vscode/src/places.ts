/** Where a hit lies in the text as it is now: a file may have been edited since the answer came. */
import * as vscode from 'vscode';
import type { Hit } from './protocol';

export interface Place {
  range: vscode.Range;
  /** The line in the range to go to. */
  focus: vscode.Range;
  /** Whether the line in focus still reads the same; if not, the place is a guess. */
  found: boolean;
}

/** Return where a hit lies in these lines. */
export function locate(lines: readonly string[], hit: Hit): Place {
  const shift = hit.excerpt ? shiftOfText(lines, hit) : shiftOfName(lines, hit);
  const [range, focus] = [hit.range, hit.focus].map((one) => within(lines, shifted(one, shift ?? 0)));
  return { range: range ?? NOWHERE, focus: focus ?? NOWHERE, found: shift !== undefined };
}

/** Return the hit's place in a document, which is opened if it is not. */
export async function locateIn(hit: Hit): Promise<{ document: vscode.TextDocument; place: Place }> {
  const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(hit.uri));
  if (document.version === hit.version) return { document, place: asAnswered(hit) };
  return { document, place: locate(linesOf(document.getText()), hit) };
}

/** Return the place as the answer said. */
export function asAnswered(hit: Hit): Place {
  return { range: shifted(hit.range, 0), focus: shifted(hit.focus, 0), found: true };
}

export function linesOf(text: string): string[] {
  return text.split(/\r\n|\n|\r/);
}

const NOWHERE = new vscode.Range(0, 0, 0, 0);

/** Return by how many lines the excerpt moved: to a line like the one in focus, with most of the others around it. */
function shiftOfText(lines: readonly string[], { excerpt, range, focus }: Hit): number | undefined {
  const texts = linesOf(excerpt);
  const first = range.start.line;
  const wanted = Math.min(Math.max(focus.start.line - first, 0), texts.length - 1);
  if (texts.every((_, index) => isLike(lines[first + index], texts, index))) return 0;
  const votes = agreement(lines, texts, first);
  const shifts = lines.flatMap((line, number) => (isLike(line, texts, wanted) ? [number - wanted - first] : []));
  return best(texts[wanted]?.trim() ? shifts : [...votes.keys()], votes);
}

/** Return by how many lines a name moved: to the nearest line it stands on. */
function shiftOfName(lines: readonly string[], { symbol, focus }: Hit): number | undefined {
  const name = symbol.split('.').at(-1) ?? symbol;
  const shifts = lines.flatMap((line, number) => (line.includes(name) ? [number - focus.start.line] : []));
  return best(shifts, new Map());
}

/** Return whether a line reads as one of the excerpt did, which may begin and end inside a line. */
function isLike(line: string | undefined, texts: readonly string[], index: number): boolean {
  const text = texts[index] ?? '';
  if (line === undefined) return index === texts.length - 1 && !text;
  return line === text || (index === 0 && line.endsWith(text)) || (index === texts.length - 1 && line.startsWith(text));
}

/** Return for each shift how many lines of the excerpt read the same there. */
function agreement(lines: readonly string[], texts: readonly string[], first: number): Map<number, number> {
  const votes = new Map<number, number>();
  lines.forEach((line, number) => {
    // Empty lines and lone brackets are everywhere.
    if (!/[\p{L}\p{N}]/u.test(line)) return;
    for (let index = texts.indexOf(line); index >= 0; index = texts.indexOf(line, index + 1)) {
      const shift = number - index - first;
      votes.set(shift, (votes.get(shift) ?? 0) + 1);
    }
  });
  return votes;
}

/** Return the shift with the most votes, the smallest of several. */
function best(shifts: readonly number[], votes: ReadonlyMap<number, number>): number | undefined {
  const order = (one: number, other: number): number =>
    (votes.get(other) ?? 0) - (votes.get(one) ?? 0) || Math.abs(one) - Math.abs(other);
  return [...shifts].sort(order)[0];
}

function shifted({ start, end }: Hit['range'], lines: number): vscode.Range {
  const line = (number: number): number => Math.max(number + lines, 0);
  return new vscode.Range(line(start.line), start.character, line(end.line), end.character);
}

function within(lines: readonly string[], range: vscode.Range): vscode.Range {
  const inside = ({ line, character }: vscode.Position): vscode.Position => {
    const last = Math.max(lines.length - 1, 0);
    const most = lines[Math.min(line, last)]?.length ?? 0;
    return line > last ? new vscode.Position(last, most) : new vscode.Position(line, Math.min(character, most));
  };
  return new vscode.Range(inside(range.start), inside(range.end));
}
