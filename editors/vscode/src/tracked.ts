/** Hits that follow edits: their ranges move with the text around them, and say so when theirs changed. */
import * as vscode from 'vscode';
import { asAnswered, linesOf, locate, type Place } from './places';
import type { Hit } from './protocol';

/** `edited`: the text in the range is not the one that was found; `gone`: the file is. */
export type Freshness = 'current' | 'edited' | 'gone';

export interface Tracked {
  hit: Hit;
  uri: vscode.Uri;
  range: vscode.Range;
  /** The line in the range to go to. */
  focus: vscode.Range;
  freshness: Freshness;
}

/** Return a hit with its place in the document if that is open, else as the answer said. */
export function track(hit: Hit): Tracked {
  const uri = vscode.Uri.parse(hit.uri);
  const document = openDocument(uri);
  const known = !document || document.version === hit.version;
  return { hit, uri, ...placed(known ? asAnswered(hit) : locate(linesOf(document.getText()), hit)) };
}

/** Keeps hits right while files change, for as long as it lives. */
export class Follower implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  private readonly subscriptions: { dispose(): unknown }[];

  constructor(private readonly hits: () => readonly Tracked[]) {
    const watcher = vscode.workspace.createFileSystemWatcher('**/*');
    this.subscriptions = [
      vscode.workspace.onDidChangeTextDocument((event) => { this.edited(event); }),
      vscode.workspace.onDidRenameFiles((event) => {
        for (const { oldUri, newUri } of event.files) this.renamed(oldUri, newUri);
      }),
      watcher.onDidDelete((uri) => { this.each(uri, (one) => (one.freshness = 'gone')); }),
      watcher.onDidChange((uri) => void this.written(uri)),
      watcher.onDidCreate((uri) => void this.written(uri)),
      watcher,
      this.changed,
    ];
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private edited({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    this.each(document.uri, (one) => {
      for (const change of contentChanges) {
        const touched = !change.range.end.isBefore(one.range.start) && change.range.start.isBefore(one.range.end);
        one.range = shifted(one.range, change);
        one.focus = shifted(one.focus, change);
        if (touched) one.freshness = sameText(document.getText(one.range), one.hit.excerpt) ? 'current' : 'edited';
      }
    });
  }

  private renamed(from: vscode.Uri, to: vscode.Uri): void {
    const inside = `${from.path}/`;
    const below = this.hits().filter((one) => one.uri.path === from.path || one.uri.path.startsWith(inside));
    for (const one of below) {
      one.uri = to.with({ path: to.path + one.uri.path.slice(from.path.length) });
      one.freshness = one.freshness === 'gone' ? 'current' : one.freshness;
    }
    if (below.length > 0) this.changed.fire();
  }

  /** A file was written: open documents tell of their edits themselves. */
  private async written(uri: vscode.Uri): Promise<void> {
    const here = this.hits().filter((one) => one.uri.toString() === uri.toString());
    if (here.length === 0 || openDocument(uri)) return;
    const lines = linesOf(new TextDecoder().decode(await vscode.workspace.fs.readFile(uri)));
    for (const one of here) {
      Object.assign(one, placed(locate(lines, { ...one.hit, range: one.range, focus: one.focus })));
    }
    this.changed.fire();
  }

  private each(uri: vscode.Uri, act: (one: Tracked) => void): void {
    const here = this.hits().filter((one) => one.uri.toString() === uri.toString());
    here.forEach(act);
    if (here.length > 0) this.changed.fire();
  }
}

function placed({ range, focus, found }: Place): Pick<Tracked, 'range' | 'focus' | 'freshness'> {
  return { range, focus, freshness: found ? 'current' : 'edited' };
}

function openDocument(uri: vscode.Uri): vscode.TextDocument | undefined {
  return vscode.workspace.textDocuments.find((one) => !one.isClosed && one.uri.toString() === uri.toString());
}

function sameText(one: string, other: string): boolean {
  return linesOf(one).join('\n').trimEnd() === linesOf(other).join('\n').trimEnd();
}

/** Return where a range lies after a change; what is inserted at its start goes before it. */
export function shifted(range: vscode.Range, change: vscode.TextDocumentContentChangeEvent): vscode.Range {
  return new vscode.Range(moved(range.start, change, true), moved(range.end, change, false));
}

function moved(
  position: vscode.Position,
  { range, text }: vscode.TextDocumentContentChangeEvent,
  atStart: boolean,
): vscode.Position {
  const before = atStart ? range.end.isBeforeOrEqual(position) : range.end.isBefore(position);
  if (!before) return position.isAfter(range.start) ? range.start : position;
  const lines = linesOf(text);
  const added = lines.length - 1;
  const line = position.line + added - (range.end.line - range.start.line);
  if (position.line !== range.end.line) return new vscode.Position(line, position.character);
  const column = (added === 0 ? range.start.character : 0) + (lines.at(-1) ?? '').length;
  return new vscode.Position(line, column + position.character - range.end.character);
}
