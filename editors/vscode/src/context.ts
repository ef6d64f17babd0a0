/** Copy Context for Agent: excerpts with paths and lines, as one text to paste into a chat. */
import * as vscode from 'vscode';
import type { ContextParams, Hit } from './protocol';
import type { Results } from './results';
import type { Searches } from './search';
import type { Server } from './server';

const LIMIT = 12;

export function activate(context: vscode.ExtensionContext, server: Server, searches: Searches, results: Results): void {
  context.subscriptions.push(
    vscode.commands.registerCommand('conexus.copyContext', async (query?: string) => {
      const asked = typeof query === 'string' ? query : await whatFor(results.asked?.query ?? '');
      if (!asked?.trim()) return;
      try {
        const text = await contextFor(server, asked);
        await vscode.env.clipboard.writeText(text);
        await searches.history.add(asked);
        vscode.window.setStatusBarMessage(vscode.l10n.t('Conexus: copied {0} lines', text.split('\n').length), 5000);
      } catch (error) {
        void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
      }
    }),
  );
}

function whatFor(value: string): Thenable<string | undefined> {
  return vscode.window.showInputBox({
    title: vscode.l10n.t('Conexus: Copy Context for Agent'),
    prompt: vscode.l10n.t('What should the context be about?'),
    value,
  });
}

/** Return what the server packs; one that does not pack is asked for hits, which are packed here. */
export async function contextFor(server: Server, query: string, token?: vscode.CancellationToken): Promise<string> {
  await server.start();
  if (server.offers('conexus/context')) {
    return (await server.ask('conexus/context', { query, ...whereWeAre() }, token)).text;
  }
  const { hits } = await server.ask('conexus/search', { query, limit: LIMIT }, token);
  return packed(hits);
}

/** Return what the user is looking at: it belongs to what the question is about. */
function whereWeAre(): Partial<ContextParams> {
  const editor = vscode.window.activeTextEditor;
  if (editor?.document.uri.scheme !== 'file') return {};
  const { line, character } = editor.selection.active;
  return { textDocument: { uri: editor.document.uri.toString() }, position: { line, character } };
}

/** Return excerpts below their paths and lines. */
export function packed(hits: readonly Hit[]): string {
  return hits
    .map((hit) => {
      const name = hit.symbol ? ` (${hit.kind} ${hit.symbol})` : '';
      const lines = `${hit.range.start.line + 1}-${Math.max(hit.range.end.line, hit.range.start.line + 1)}`;
      const fence = '`'.repeat(Math.max(3, ...(hit.excerpt.match(/`+/g) ?? []).map((run) => run.length + 1)));
      return `${hit.path}:${lines}${name}\n${fence}${hit.language}\n${hit.excerpt.trimEnd()}\n${fence}\n`;
    })
    .join('\n');
}
