/** Where the server is: the setting, PATH, the selected Python environment, where we installed it. */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';

export interface Found {
  command: string;
  origin: 'setting' | 'path' | 'python' | 'installed';
}

export class ServerMissing extends Error {}

const NAMES = process.platform === 'win32' ? ['conexus.exe', 'conexus.cmd'] : ['conexus'];

/** Return the server's command. Throws ServerMissing with what to do about it. */
export async function findServer(installed: string): Promise<Found> {
  const chosen = vscode.workspace.getConfiguration('conexus.server').get('path', '').trim();
  if (chosen) {
    const command = chosen.startsWith('~/') ? path.join(os.homedir(), chosen.slice(2)) : chosen;
    if (path.isAbsolute(command) && (await isExecutable(command))) return { command, origin: 'setting' };
    throw new ServerMissing(
      vscode.l10n.t('The setting conexus.server.path is "{0}", which is no absolute path of a command.', chosen),
    );
  }
  for (const [origin, folders] of [
    ['path', onPath()],
    ['python', await pythonFolders()],
    ['installed', [binFolder(installed)]],
  ] as const) {
    const command = await findIn(folders);
    if (command) return { command, origin };
  }
  throw new ServerMissing(vscode.l10n.t('The server `conexus` was not found on this machine.'));
}

/** Return the folders where commands are looked for; those of installers count though a desktop's PATH lacks them. */
export function onPath(): string[] {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return [...folders, path.join(os.homedir(), '.local', 'bin')].filter((folder) => path.isAbsolute(folder));
}

/** Return where a virtual environment keeps its commands. */
export function binFolder(environment: string): string {
  return path.join(environment, process.platform === 'win32' ? 'Scripts' : 'bin');
}

/** Return the first of these commands in the first folder that has one. */
export async function findIn(folders: readonly string[], names = NAMES): Promise<string | undefined> {
  for (const folder of folders) {
    for (const name of names) {
      const command = path.join(folder, name);
      if (await isExecutable(command)) return command;
    }
  }
  return undefined;
}

/** Return where the selected interpreter keeps its commands. A workspace nobody trusts may have chosen it. */
async function pythonFolders(): Promise<string[]> {
  if (!vscode.workspace.isTrusted) return [];
  const interpreter = (await selectedByExtension()) ?? selectedBySetting();
  if (!interpreter || !path.isAbsolute(interpreter)) return [];
  return [path.dirname(interpreter), binFolder(interpreter)];
}

/** The part of the Python extension's API that is used here. */
interface PythonApi {
  environments: { getActiveEnvironmentPath(resource?: vscode.Uri): { path: string } };
}

async function selectedByExtension(): Promise<string | undefined> {
  const python = vscode.extensions.getExtension<PythonApi>('ms-python.python');
  if (!python) return undefined;
  try {
    const api = await python.activate();
    return api.environments.getActiveEnvironmentPath(vscode.workspace.workspaceFolders?.[0]?.uri).path;
  } catch {
    return undefined; // An extension that fails selects nothing.
  }
}

function selectedBySetting(): string | undefined {
  return vscode.workspace.getConfiguration('python').get<string>('defaultInterpreterPath');
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await fs.access(file, fs.constants.X_OK);
    return (await fs.stat(file)).isFile();
  } catch {
    return false;
  }
}
