/** The extension: starts `conexus lsp` and shows its answers. Every feature is one file. */
import * as vscode from 'vscode';
import * as context from './context';
import * as indexing from './indexing';
import * as install from './install';
import * as mcp from './mcp';
import { Results } from './results';
import { Searches } from './search';
import { Server } from './server';
import * as statusBar from './statusBar';
import { StatusPage } from './statusPage';
import * as tools from './tools';

/** What tests see of the extension. */
export interface Api {
  server: Server;
  searches: Searches;
  results: Results;
  statusPage: StatusPage;
  statusBar: vscode.StatusBarItem;
}

let server: Server | undefined;

export function activate(extension: vscode.ExtensionContext): Api {
  const found = (server = new Server(extension));
  extension.subscriptions.push(found);
  const results = new Results(extension);
  const searches = new Searches(extension, found, (asked, reveal) => { results.show(asked, reveal); });
  const api = {
    server: found,
    searches,
    results,
    statusPage: new StatusPage(extension, found),
    statusBar: statusBar.activate(extension, found),
  };
  indexing.activate(extension, found);
  install.activate(extension, found);
  context.activate(extension, found, searches, results);
  tools.activate(extension, found);
  mcp.activate(extension, found);
  follow(extension, found);
  const ready = (): boolean => [...found.folders.values()].every(({ phase }) => phase === 'ready');
  extension.subscriptions.push(found.onDidChangeFolder((folder) => void (folder && ready() && results.complete())));
  void found.start();
  return api;
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}

/** Start again when what is run changes, and offer to install what is missing. */
function follow(extension: vscode.ExtensionContext, found: Server): void {
  let offered = false;
  extension.subscriptions.push(
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('conexus.server')) void found.restart();
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => {
      if (found.state.phase === 'missing') void found.restart();
    }),
    found.onDidChangeState(({ phase, message }) => {
      if (phase === 'failed') void complain(message);
      if (phase !== 'missing' || offered) return;
      offered = true;
      void offer(message);
    }),
  );
}

async function offer(message: string): Promise<void> {
  const install = vscode.l10n.t('Install…');
  const choose = vscode.l10n.t('Set Path…');
  const chosen = await vscode.window.showWarningMessage(message, install, choose);
  if (chosen === install) await vscode.commands.executeCommand('conexus.install');
  if (chosen === choose) await vscode.commands.executeCommand('workbench.action.openSettings', 'conexus.server.path');
}

async function complain(message: string): Promise<void> {
  const logs = vscode.l10n.t('Show Logs');
  const said = vscode.l10n.t('The Conexus server did not start: {0}', message);
  if ((await vscode.window.showErrorMessage(said, logs)) === logs) await vscode.commands.executeCommand('conexus.logs');
}
