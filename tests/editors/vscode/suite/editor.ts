/** What the suites do to the editor, and wait for. */
import * as assert from 'node:assert';
import * as vscode from 'vscode';
import type { Api } from '../../../../editors/vscode/src/extension';
import type { Picker } from '../../../../editors/vscode/src/picker';
import type { Row } from '../../../../editors/vscode/src/pickerRows';
import type { Hit } from '../../../../editors/vscode/src/protocol';

export const run = (command: string, ...rest: unknown[]): Thenable<unknown> =>
  vscode.commands.executeCommand(command, ...rest);

/** Return the extension, when it and the index of all folders are ready. */
export async function extension(): Promise<Api> {
  const found = vscode.extensions.getExtension<Api>('conexus.conexus');
  assert.ok(found, 'the extension is installed');
  const api = await found.activate();
  await settled(api);
  return api;
}

/** Wait until all that the editor sent is searchable. */
export async function settled(api: Api): Promise<void> {
  const { timedOut } = await api.server.ask('conexus/waitForRevision', { complete: true, timeoutMs: 60_000 });
  assert.equal(timedOut, false);
}

export async function until<T>(what: string | (() => string), look: () => T | undefined | false, patience = 30_000): Promise<T> {
  for (const end = Date.now() + patience; Date.now() < end; await sleep(30)) {
    const found = look();
    if (found) return found;
  }
  throw new Error(`waited in vain for ${typeof what === 'string' ? what : what()}`);
}

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => { setTimeout(resolve, milliseconds); });

/** Return the URI of a file of the first folder, or of another. */
export function file(path: string, folder = 0): vscode.Uri {
  const root = vscode.workspace.workspaceFolders?.[folder];
  assert.ok(root);
  return vscode.Uri.joinPath(root.uri, path);
}

export async function show(path: string, folder = 0): Promise<vscode.TextEditor> {
  return vscode.window.showTextDocument(file(path, folder), { preview: false });
}

/** Type at the end of the document, without saving. */
export async function append(editor: vscode.TextEditor, text: string): Promise<void> {
  const { document } = editor;
  assert.ok(await editor.edit((edit) => { edit.insert(document.lineAt(document.lineCount - 1).range.end, text); }));
}

/** Close all editors, and forget what was not saved. */
export async function closeAll(): Promise<void> {
  for (const document of vscode.workspace.textDocuments.filter((one) => one.isDirty)) {
    await vscode.window.showTextDocument(document);
    await run('workbench.action.revertAndCloseActiveEditor');
  }
  await run('workbench.action.closeAllEditors');
}

/** Return the picker that is open. */
export function picker(api: Api): Promise<Picker> {
  return until('a picker', () => api.searches.picker);
}

/** Type into the picker's box. */
export function type(open: Picker, text: string): void {
  typed.set(open, text);
  open.enter(text);
}

/** VS Code tells a new box's first value late, and then it counts instead of what was typed by then. */
const typed = new WeakMap<Picker, string>();
function typeAgain(open: Picker): void {
  const text = typed.get(open);
  if (text !== undefined && open.pick.value !== text) open.enter(text);
}

/** Wait for a row whose words, all in one line, hold a text. */
export function row(open: Picker, text: string): Promise<Row> {
  const look = (): Row | undefined => {
    typeAgain(open);
    return open.pick.items.find((one) => wordsOf(one).includes(text));
  };
  return until(() => `a row with "${text}" among ${words(open).join(' | ')}`, look);
}

export const wordsOf = (one: Row): string => [one.label, one.description, one.detail].filter(Boolean).join(' ');
export const words = (open: Picker): string[] => open.pick.items.map(wordsOf);

/** Search, wait for a row, select it and press Enter; return where the cursor is. */
export async function jump(api: Api, query: string, text: string): Promise<Where> {
  await run('conexus.search');
  const open = await picker(api);
  type(open, query);
  const wanted = await row(open, text);
  open.pick.activeItems = [wanted];
  await open.accept(wanted);
  return where();
}

export interface Where {
  path: string;
  line: number;
  text: string;
}

/** Return where the cursor is: the line counted from 1. */
export function where(): Where {
  const editor = vscode.window.activeTextEditor;
  assert.ok(editor, 'an editor is active');
  const { line } = editor.selection.active;
  const path = vscode.workspace.asRelativePath(editor.document.uri, false);
  return { path, line: line + 1, text: editor.document.lineAt(line).text };
}

export async function hits(api: Api, query: string): Promise<Hit[]> {
  return (await api.server.ask('conexus/search', { query, limit: 10 })).hits;
}
