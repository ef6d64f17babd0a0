/** Settings as the server wants them: only those that somebody set, so that conexus.toml counts for the others. */
import * as vscode from 'vscode';
import type { Manifest } from './server';

type Sections = Record<string, Record<string, unknown>>;

/** Settings of this extension that are nothing to the server. */
const OURS = ['server.path', 'trace.server'];

/** Return section → name → value of what is set for a resource. */
export function settingsFor(manifest: Manifest, resource: vscode.Uri | undefined): Sections {
  const configuration = vscode.workspace.getConfiguration('conexus', resource ?? null);
  const sections: Sections = {};
  for (const key of known(manifest).filter((name) => !OURS.includes(name))) {
    const [section = '', name = ''] = key.split('.');
    const told = configuration.inspect(key);
    const set = [told?.globalValue, told?.workspaceValue, told?.workspaceFolderValue];
    if (set.some((value) => value !== undefined)) {
      (sections[section] ??= {})[name] = configuration.get(key);
    }
  }
  return sections;
}

function known(manifest: Manifest): string[] {
  return Object.keys(manifest.contributes.configuration.properties).map((key) => key.replace('conexus.', ''));
}
