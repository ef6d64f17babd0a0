/** Reindex, pause and resume, the logs and a new start. */
import * as vscode from 'vscode';
import type { Method } from './protocol';
import type { Server } from './server';

export function activate(context: vscode.ExtensionContext, server: Server): void {
  const told = async (method: Method & ('conexus/reindex' | 'conexus/pause' | 'conexus/resume'), fresh = false) => {
    try {
      await server.ask(method, fresh ? { fresh } : {});
    } catch (error) {
      void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
    }
  };
  const commands: Record<string, (...args: never[]) => unknown> = {
    'conexus.reindex': async (fresh?: boolean) => {
      const anew = fresh ?? (await howToReindex());
      if (anew !== undefined) await told('conexus/reindex', anew);
    },
    'conexus.pause': () => told('conexus/pause'),
    'conexus.resume': () => told('conexus/resume'),
    'conexus.logs': () => { server.log.show(); },
    'conexus.restart': () => server.restart(),
  };
  for (const [name, run] of Object.entries(commands)) {
    context.subscriptions.push(vscode.commands.registerCommand(name, run));
  }
}

async function howToReindex(): Promise<boolean | undefined> {
  const update = {
    label: vscode.l10n.t('Compare every file with the index'),
    detail: vscode.l10n.t('Reads again only what changed.'),
    fresh: false,
  };
  const anew = {
    label: vscode.l10n.t('Build the index anew'),
    detail: vscode.l10n.t('Beside the one that answers, which is kept until the new one is complete.'),
    fresh: true,
  };
  const chosen = await vscode.window.showQuickPick([update, anew], { title: vscode.l10n.t('Conexus: Reindex') });
  return chosen?.fresh;
}
