/** Tells chat agents of `conexus mcp`, where this VS Code knows MCP and the server that was found offers it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as vscode from 'vscode';
import type { Server } from './server';

/** What VS Code has since 1.101. */
interface WithMcp {
  registerMcpServerDefinitionProvider?(
    id: string,
    provider: { onDidChangeMcpServerDefinitions: vscode.Event<unknown>; provideMcpServerDefinitions(): unknown },
  ): vscode.Disposable;
}
type McpServer = new (label: string, command: string, args: string[], env?: object, version?: string) => unknown;

export function activate(context: vscode.ExtensionContext, server: Server): void {
  const lm = vscode.lm as WithMcp;
  const { McpStdioServerDefinition } = vscode as unknown as { McpStdioServerDefinition?: McpServer };
  if (!lm.registerMcpServerDefinitionProvider || !McpStdioServerDefinition) return;
  context.subscriptions.push(
    lm.registerMcpServerDefinitionProvider('conexus', {
      onDidChangeMcpServerDefinitions: server.onDidChangeState,
      provideMcpServerDefinitions: () => definitions(server, McpStdioServerDefinition),
    }),
  );
}

/** Return one server for all folders of the workspace. */
export async function definitions(server: Server, McpStdioServerDefinition: McpServer): Promise<unknown[]> {
  const command = server.found?.command;
  const folders = (vscode.workspace.workspaceFolders ?? []).filter((folder) => folder.uri.scheme === 'file');
  if (!command || folders.length === 0 || !(await offersMcp(command))) return [];
  const roots = folders.flatMap((folder) => ['--root', folder.uri.fsPath]);
  return [new McpStdioServerDefinition('Conexus', command, ['mcp', ...roots])];
}

async function offersMcp(command: string): Promise<boolean> {
  try {
    await promisify(execFile)(command, ['mcp', '--help'], { timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}
