/** Installs the server where the user says, with progress and a clear failure. */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as vscode from 'vscode';
import { binFolder, findIn, onPath } from './find';
import type { Server } from './server';

const PACKAGE = 'conexus-lsp';
const PYTHONS = ['python3.13', 'python3.12', 'python3.11', 'python3', 'python', 'python.exe'];

interface Way extends vscode.QuickPickItem {
  commands: string[][];
}

export function activate(context: vscode.ExtensionContext, server: Server): void {
  context.subscriptions.push(
    vscode.commands.registerCommand('conexus.install', async (way?: string) => {
      if (!vscode.workspace.isTrusted) {
        await refuse();
        return;
      }
      const ways = await waysToInstall(server.installed);
      const chosen = ways.find((one) => one.label === way) ?? (await choose(ways));
      if (chosen && (await install(chosen, server))) await server.restart();
    }),
  );
}

async function refuse(): Promise<void> {
  const manage = vscode.l10n.t('Manage Workspace Trust');
  const message = vscode.l10n.t('In a workspace that is not trusted, no server is installed.');
  if ((await vscode.window.showWarningMessage(message, manage)) === manage) {
    await vscode.commands.executeCommand('workbench.trust.manage');
  }
}

async function waysToInstall(environment: string): Promise<Way[]> {
  const ways: Way[] = [];
  const folders = onPath();
  const uv = await findIn(folders, ['uv', 'uv.exe']);
  const pipx = await findIn(folders, ['pipx', 'pipx.exe']);
  const python = await findIn(folders, PYTHONS);
  const by = (label: string, command: string[]): Way => ({
    label,
    detail: [label, ...command.slice(1)].join(' '),
    commands: [command],
  });
  if (uv) ways.push(by('uv', [uv, 'tool', 'install', PACKAGE]));
  if (pipx) ways.push(by('pipx', [pipx, 'install', PACKAGE]));
  if (python) {
    const pip = [`${binFolder(environment)}/python`, '-m', 'pip', 'install', '--upgrade', PACKAGE];
    ways.push({
      // eslint-disable-next-line no-restricted-syntax -- what it is called everywhere
      label: 'venv',
      description: vscode.l10n.t('a virtual environment of this extension'),
      detail: environment,
      commands: [[python, '-m', 'venv', environment], pip],
    });
  }
  return ways;
}

async function choose(ways: Way[]): Promise<Way | undefined> {
  if (ways.length > 0) {
    return vscode.window.showQuickPick(ways, { title: vscode.l10n.t('Install the Conexus server with') });
  }
  void vscode.window.showErrorMessage(
    vscode.l10n.t('Neither uv nor pipx nor Python 3.11 was found. Install one of them, then try again.'),
  );
  return undefined;
}

/** Return whether the server was installed; a failure was shown. */
async function install(way: Way, server: Server): Promise<boolean> {
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: vscode.l10n.t('Installing the Conexus server'),
    cancellable: true,
  };
  return vscode.window.withProgress(options, async (progress, token) => {
    await fs.mkdir(server.installed, { recursive: true });
    for (const command of way.commands) {
      const said = (line: string): void => {
        server.log.info(line);
        progress.report({ message: line });
      };
      const problem = await run(command, said, token);
      if (token.isCancellationRequested) return false;
      if (problem !== undefined) {
        void complain(command, problem, server.log);
        return false;
      }
    }
    return true;
  });
}

/** Run a command and hand on its lines; return undefined, or the last line if it failed. */
function run(
  command: string[],
  said: (line: string) => void,
  token: vscode.CancellationToken,
): Promise<string | undefined> {
  const [program = '', ...rest] = command;
  return new Promise((resolve) => {
    said(`> ${command.join(' ')}`);
    const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    token.onCancellationRequested(() => child.kill());
    let last = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        for (const line of text.split(/\r?\n/).filter(Boolean)) said((last = line));
      });
    }
    child.on('error', (error) => { resolve(error.message); });
    child.on('close', (code) => { resolve(code === 0 ? undefined : last || `exit code ${code ?? '?'}`); });
  });
}

async function complain(command: string[], problem: string, log: vscode.LogOutputChannel): Promise<void> {
  const logs = vscode.l10n.t('Show Logs');
  const message = vscode.l10n.t('The server was not installed: "{0}" said "{1}".', command.join(' '), problem);
  if ((await vscode.window.showErrorMessage(message, logs)) === logs) log.show();
}
