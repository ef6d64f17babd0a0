/** The searches: each makes a question, and a picker shows its answers. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import { History } from './history';
import { Picker } from './picker';
import type { Answer, Asked, Question } from './pickerRows';
import type { SearchParams, SearchResult } from './protocol';
import { asHit, progressOf } from './rows';
import type { Server } from './server';

const LIMIT = 50;
const MOST_SYMBOLS = 100;

export class Searches {
  readonly history: History;
  /** The picker that is open. */
  picker: Picker | undefined;

  constructor(
    context: vscode.ExtensionContext,
    private readonly server: Server,
    private readonly keep: (asked: Asked, reveal: boolean) => unknown,
  ) {
    this.history = new History(context.workspaceState);
    const commands: Record<string, (...args: never[]) => unknown> = {
      'conexus.search': (query?: string) => { this.search(query); },
      'conexus.searchSelection': () => { this.selection(); },
      'conexus.searchFolder': (folder?: vscode.Uri) => this.folder(folder),
      'conexus.related': (file?: vscode.Uri) => { this.related(file); },
      'conexus.symbols': (name?: string) => { this.symbols(name); },
      'conexus.picker.openBeside': () => this.picker?.accept(undefined, true),
      'conexus.picker.pin': () => this.picker?.pin(),
      'conexus.picker.older': () => this.picker?.recall(1),
      'conexus.picker.newer': () => this.picker?.recall(-1),
      'conexus.picker.leave': () => this.picker?.leave(true),
    };
    for (const [name, run] of Object.entries(commands)) {
      context.subscriptions.push(vscode.commands.registerCommand(name, run));
    }
    context.subscriptions.push(server.onDidChangeFolder(() => this.picker?.refresh()));
  }

  search(query = '', where: Partial<SearchParams> = {}, title = vscode.l10n.t('Conexus: Search')): void {
    // Where the user was when the search began; what is previewed is another matter.
    const active = vscode.window.activeTextEditor?.document.uri;
    const rest = { limit: LIMIT, ...where, ...(active ? { context: { active: active.toString() } } : {}) };
    this.open({
      title,
      query,
      prompt: vscode.l10n.t('What are you looking for? In words, by name, or in code'),
      ask: async (asked, token) => answerOf(await this.server.ask('conexus/search', { query: asked, ...rest }, token)),
    });
  }

  symbols(query = ''): void {
    this.open({
      title: vscode.l10n.t('Conexus: Search Symbols'),
      query,
      prompt: vscode.l10n.t('The name of a definition, or a part of it'),
      ask: async (asked, token) => {
        const params = { query: asked, limit: MOST_SYMBOLS, semantic: true };
        const found = await this.server.ask('conexus/symbols', params, token);
        return answerOf({ hits: found.symbols.map(asHit), notes: [], completeness: found.completeness });
      },
    });
  }

  /** Find code like the selection, or like the line of the cursor. */
  selection(): void {
    const editor = vscode.window.activeTextEditor;
    if (!editor) {
      void vscode.window.showInformationMessage(vscode.l10n.t('Open a file and select some code first.'));
      return;
    }
    const { document, selection } = editor;
    const range = selection.isEmpty ? document.lineAt(selection.active.line).range : selection;
    const { start, end } = range;
    // A buffer that is no file is no document of the server: then its text is compared.
    const like =
      document.uri.scheme === 'file'
        ? { textDocument: { uri: document.uri.toString() }, range: { start, end } }
        : { text: document.getText(range) };
    const lines = `${vscode.workspace.asRelativePath(document.uri)}:${start.line + 1}-${end.line + 1}`;
    this.open({
      title: vscode.l10n.t('Conexus: Similar Code'),
      query: vscode.l10n.t('like {0}', lines),
      ask: async (_, token) => answerOf(await this.server.ask('conexus/similar', { ...like, limit: LIMIT }, token)),
    });
  }

  related(file = vscode.window.activeTextEditor?.document.uri): void {
    if (file?.scheme !== 'file') {
      void vscode.window.showInformationMessage(vscode.l10n.t('Open a file of the workspace first.'));
      return;
    }
    const params = { textDocument: { uri: file.toString() }, limit: LIMIT };
    this.open({
      title: vscode.l10n.t('Conexus: Related'),
      query: vscode.l10n.t('related to {0}', vscode.workspace.asRelativePath(file)),
      ask: async (_, token) => answerOf(await this.server.ask('conexus/related', params, token)),
    });
  }

  /** Search below a folder: of the Explorer, or one that is asked for. */
  async folder(chosen?: vscode.Uri): Promise<void> {
    const folder = chosen ?? (await chooseFolder());
    const root = folder && vscode.workspace.getWorkspaceFolder(folder);
    if (!folder) return;
    if (!root) {
      void vscode.window.showWarningMessage(vscode.l10n.t('{0} is in no folder of this workspace.', folder.fsPath));
      return;
    }
    const below = path.posix.relative(root.uri.path, folder.path);
    const where = { folders: [root.uri.toString()], ...(below ? { paths: [`${below}/**`] } : {}) };
    this.search('', where, vscode.l10n.t('Conexus: Search in {0}', below || root.name));
  }

  private open(question: Question): void {
    const before = this.picker;
    before?.dispose();
    const picker = (this.picker = new Picker(question, this.history, this.keep, before));
    picker.onDidHide(() => {
      if (this.picker === picker) this.picker = undefined;
    });
  }
}

/** Return a result as what pickers show. */
export function answerOf({ hits, notes, completeness }: Pick<SearchResult, 'hits' | 'notes' | 'completeness'>): Answer {
  return { hits, notes, progress: progressOf(completeness) };
}

async function chooseFolder(): Promise<vscode.Uri | undefined> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const chosen = await vscode.window.showOpenDialog({
    canSelectFiles: false,
    canSelectFolders: true,
    openLabel: vscode.l10n.t('Search Here'),
    ...(folders[0] ? { defaultUri: folders[0].uri } : {}),
  });
  return chosen?.[0];
}
