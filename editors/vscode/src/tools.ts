/** Language-model tools: chat agents in the editor ask the same index, unsaved text included. */
import * as vscode from 'vscode';
import { contextFor, packed } from './context';
import type { Completeness, SearchParams, SearchResult } from './protocol';
import { asHit, placeOf, progressOf } from './rows';
import type { Server } from './server';

const LIMIT = 10;
const MOST_SYMBOLS = 20;

interface Inputs {
  conexus_search: SearchParams;
  conexus_context: { query: string };
  conexus_similar: { code: string; limit?: number };
  conexus_related: { path: string; line?: number; limit?: number };
  conexus_symbols: { name: string; limit?: number };
}

type Tools = { [Name in keyof Inputs]: (input: Inputs[Name], token: vscode.CancellationToken) => Promise<string> };

export function activate(context: vscode.ExtensionContext, server: Server): void {
  const tools: Tools = {
    conexus_search: async (input, token) =>
      told(await server.ask('conexus/search', { ...input, limit: input.limit ?? LIMIT }, token)),
    conexus_context: ({ query }, token) => contextFor(server, query, token),
    conexus_similar: async ({ code, limit = LIMIT }, token) =>
      told(await server.ask('conexus/similar', { text: code, limit }, token)),
    conexus_related: async ({ path, line, limit = LIMIT }, token) => {
      const textDocument = { uri: (await resolved(path)).toString() };
      const position = line ? { position: { line: line - 1, character: 0 } } : {};
      return told(await server.ask('conexus/related', { textDocument, limit, ...position }, token));
    },
    conexus_symbols: async ({ name, limit = MOST_SYMBOLS }, token) => {
      const params = { query: name, limit, semantic: true };
      const { symbols, completeness } = await server.ask('conexus/symbols', params, token);
      const lines = symbols.map(asHit).map((hit) => `${hit.kind} ${hit.symbol}  ${placeOf(hit)}`);
      return withRemarks(lines.join('\n'), [], completeness);
    },
  };
  for (const name of Object.keys(tools) as (keyof Tools)[]) register(context, name, tools[name]);
}

function register<Name extends keyof Inputs>(
  context: vscode.ExtensionContext,
  name: Name,
  run: Tools[Name],
): void {
  const tool: vscode.LanguageModelTool<Inputs[Name]> = {
    prepareInvocation: ({ input }) => ({
      invocationMessage: vscode.l10n.t('Asking Conexus: {0}', Object.values(input).join(' ')),
    }),
    invoke: async ({ input }, token) =>
      new vscode.LanguageModelToolResult([new vscode.LanguageModelTextPart(await run(input, token))]),
  };
  context.subscriptions.push(vscode.lm.registerTool(name, tool));
}

function told({ hits, notes, completeness }: SearchResult): string {
  return withRemarks(packed(hits), notes, completeness);
}

/** Agents give up on an empty answer, so that one is said, and so is that the index is not complete. */
function withRemarks(text: string, notes: string[], completeness: Completeness): string {
  const progress = progressOf(completeness);
  return [text || vscode.l10n.t('Nothing found.'), ...notes, ...(progress ? [progress] : [])].join('\n');
}

/** Return the file of an absolute path, or of one relative to a folder of the workspace. */
async function resolved(path: string): Promise<vscode.Uri> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  for (const uri of [...folders.map((folder) => vscode.Uri.joinPath(folder.uri, path)), vscode.Uri.file(path)]) {
    try {
      await vscode.workspace.fs.stat(uri);
      return uri;
    } catch {
      // Not there: perhaps in the next folder.
    }
  }
  throw new Error(vscode.l10n.t('{0} is no file of this workspace.', path));
}
