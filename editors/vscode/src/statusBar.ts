/** The status bar item: what the index is doing, in two words; a click opens the status page. */
import * as vscode from 'vscode';
import type { FolderStatus } from './protocol';
import type { Server } from './server';

interface Look {
  text: string;
  tooltip: string;
  background?: 'error' | 'warning';
}

/** Folders that need attention come last. */
const ORDER = ['ready', 'scanning', 'indexing', 'paused', 'failed'];

export function activate(context: vscode.ExtensionContext, server: Server): vscode.StatusBarItem {
  const item = vscode.window.createStatusBarItem('conexus.status', vscode.StatusBarAlignment.Right, 90);
  item.name = 'Conexus';
  item.command = 'conexus.status';
  const draw = (): void => {
    const { text, tooltip, background } = look(server);
    item.text = text;
    item.tooltip = tooltip;
    item.backgroundColor = background && new vscode.ThemeColor(`statusBarItem.${background}Background`);
    item.accessibilityInformation = { label: tooltip, role: 'button' };
    const paused = [...server.folders.values()].some((folder) => folder.phase === 'paused');
    void vscode.commands.executeCommand('setContext', 'conexus.paused', paused);
  };
  context.subscriptions.push(item, server.onDidChangeState(draw), server.onDidChangeFolder(draw));
  draw();
  item.show();
  return item;
}

function look(server: Server): Look {
  const { phase, message } = server.state;
  if (phase === 'starting') return { text: '$(sync~spin) Conexus', tooltip: vscode.l10n.t('Conexus: starting') };
  if (phase === 'stopped') return { text: '$(circle-slash) Conexus', tooltip: vscode.l10n.t('Conexus: stopped') };
  if (phase === 'waiting') return { text: '$(warning) Conexus', tooltip: message, background: 'warning' };
  if (phase !== 'running') return { text: '$(error) Conexus', tooltip: message, background: 'error' };
  const folders = [...server.folders.values()];
  const worst = folders.reduce<FolderStatus | undefined>(
    (one, other) => (one && ORDER.indexOf(one.phase) >= ORDER.indexOf(other.phase) ? one : other),
    undefined,
  );
  if (worst) return folderLook(worst);
  return { text: '$(search) Conexus', tooltip: vscode.l10n.t('Conexus: no folder is open') };
}

function folderLook(folder: FolderStatus): Look {
  const { percent, pending, files } = folder;
  switch (folder.phase) {
    case 'ready':
      return { text: '$(search) Conexus', tooltip: vscode.l10n.t('Conexus: {0} files are indexed', files) };
    case 'paused':
      return { text: '$(debug-pause) Conexus', tooltip: vscode.l10n.t('Conexus: indexing is paused, {0} %', percent) };
    case 'failed':
      return {
        text: '$(error) Conexus',
        tooltip: vscode.l10n.t('Conexus: {0}', folder.problems.at(-1) ?? vscode.l10n.t('indexing failed')),
        background: 'error',
      };
    default:
      return {
        text: `$(sync~spin) Conexus ${percent} %`,
        tooltip: vscode.l10n.t('Conexus: indexing, {0} %, {1} files to go', percent, pending),
      };
  }
}
