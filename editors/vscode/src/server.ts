/** The language server: found, started, asked, and started again when it dies. */
import { spawn, type ChildProcess } from 'node:child_process';
import * as vscode from 'vscode';
import { CloseAction, ErrorAction, LanguageClient, State } from 'vscode-languageclient/node';
import { findServer, ServerMissing, type Found } from './find';
import type { FolderStatus, Method, Requests } from './protocol';
import { settingsFor } from './settings';

export type Phase = 'starting' | 'running' | 'waiting' | 'missing' | 'failed' | 'stopped';

export interface ServerState {
  phase: Phase;
  /** What happened, for people; empty if nothing did. */
  message: string;
}

/** The part of package.json that is read here. */
export interface Manifest {
  contributes: {
    commands: { command: string; category: string }[];
    configuration: { properties: Record<string, unknown> };
  };
}

/** One answered request, for the charts. */
export interface Answered {
  method: Method;
  milliseconds: number;
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** A server that lived this long did not die of how it was started. */
const SETTLED_MS = 60_000;
const KEPT_ERRORS = 20;

export class Server implements vscode.Disposable {
  readonly log = vscode.window.createOutputChannel('Conexus', { log: true });
  readonly folders = new Map<string, FolderStatus>();
  /** The last errors, oldest first. */
  readonly errors: { at: Date; message: string }[] = [];
  found: Found | undefined;
  state: ServerState = { phase: 'stopped', message: '' };

  private readonly changed = new vscode.EventEmitter<ServerState>();
  readonly onDidChangeState = this.changed.event;
  private readonly moved = new vscode.EventEmitter<FolderStatus | undefined>();
  /** A folder's index moved; undefined: folders went away. */
  readonly onDidChangeFolder = this.moved.event;
  private readonly answered = new vscode.EventEmitter<Answered>();
  readonly onDidAnswer = this.answered.event;

  private client: LanguageClient | undefined;
  private starting: Promise<LanguageClient> | undefined;
  private restarting = Promise.resolve();
  private process: ChildProcess | undefined;
  private deaths = 0;
  private begun = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly context: vscode.ExtensionContext) {}

  /** Where a server is put that this extension installs. */
  get installed(): string {
    return vscode.Uri.joinPath(this.context.globalStorageUri, 'server').fsPath;
  }

  /** What package.json says. */
  get manifest(): Manifest {
    return this.context.extension.packageJSON as Manifest;
  }

  /** The process id of the server, if it runs. */
  get pid(): number | undefined {
    return this.process?.exitCode === null && this.process.signalCode === null ? this.process.pid : undefined;
  }

  /** Whether the server that runs knows a request. */
  offers(method: string): boolean {
    const commands = this.client?.initializeResult?.capabilities.executeCommandProvider?.commands ?? [];
    return commands.includes(method.replace('conexus/', 'conexus.server.'));
  }

  /** Return the answer to a request; a server that does not run is started, one that dies is asked again once. */
  async ask<M extends Method>(
    method: M,
    params: Requests[M][0],
    token?: vscode.CancellationToken,
  ): Promise<Requests[M][1]> {
    return this.request(method, params, token);
  }

  /** Like `ask`, for a request that not every server has. */
  async request(method: string, params: object, token?: vscode.CancellationToken): Promise<unknown> {
    const client = await this.running();
    const begun = performance.now();
    try {
      const result = await send(client, method, params, token);
      this.answered.fire({ method: method as Method, milliseconds: performance.now() - begun });
      return result;
    } catch (error) {
      if (token?.isCancellationRequested || this.lives(client)) throw error;
      return send(await this.running(), method, params, token);
    }
  }

  /** Start the server if it does not run. Failures are shown, not thrown. */
  async start(): Promise<void> {
    await this.running().catch(() => undefined);
  }

  /** Stop the server and start it again, without waiting as after a crash. Of several at once, one after the other. */
  restart(): Promise<void> {
    this.restarting = this.restarting.then(async () => {
      await this.stop();
      this.deaths = 0;
      await this.start();
    });
    return this.restarting;
  }

  async stop(): Promise<void> {
    clearTimeout(this.timer);
    await this.starting?.catch(() => undefined);
    const client = this.client;
    this.client = undefined;
    this.become('stopped');
    if (client?.state === State.Running) await client.stop().catch(() => undefined);
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.log.dispose();
    for (const emitter of [this.changed, this.moved, this.answered]) emitter.dispose();
  }

  private running(): Promise<LanguageClient> {
    if (this.client && this.lives(this.client)) return Promise.resolve(this.client);
    this.starting ??= this.launch().finally(() => (this.starting = undefined));
    return this.starting;
  }

  private lives(client: LanguageClient): boolean {
    return client === this.client && client.state === State.Running && this.pid !== undefined;
  }

  private async launch(): Promise<LanguageClient> {
    clearTimeout(this.timer);
    this.become('starting');
    try {
      this.found = await findServer(this.installed);
      this.log.info(`${this.found.command} (${this.found.origin})`);
      this.begun = Date.now();
      this.client = this.newClient(this.found.command);
      await this.client.start();
      this.become('running');
      return this.client;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.client = undefined;
      this.become(error instanceof ServerMissing ? 'missing' : 'failed', message);
      throw new Error(message, { cause: error });
    }
  }

  private newClient(command: string): LanguageClient {
    const serve = (): Promise<ChildProcess> => {
      this.process = spawn(command, ['lsp']).on('exit', () => void this.died(client));
      return Promise.resolve(this.process);
    };
    const client: LanguageClient = new LogOnlyClient('conexus', 'Conexus', serve, {
      documentSelector: [{ scheme: 'file' }],
      outputChannel: this.log,
      initializationFailedHandler: () => false,
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: async () => {
          await this.died(client);
          return { action: CloseAction.DoNotRestart, handled: true };
        },
      },
      middleware: {
        workspace: {
          configuration: (params) =>
            params.items.map((item) =>
              settingsFor(this.manifest, item.scopeUri ? vscode.Uri.parse(item.scopeUri) : undefined),
            ),
        },
      },
    });
    client.onNotification('conexus/statusChanged', (folder: FolderStatus) => {
      this.folders.set(folder.folder, folder);
      this.moved.fire(folder);
    });
    return client;
  }

  /** The server ended by itself: say so, and start it again after a pause that grows. */
  private async died(client: LanguageClient): Promise<void> {
    if (client !== this.client || this.starting) return;
    this.client = undefined;
    const reason = await this.reason();
    this.deaths = Date.now() - this.begun > SETTLED_MS ? 1 : this.deaths + 1;
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** (this.deaths - 1), LONGEST_PAUSE_MS);
    this.timer = setTimeout(() => void this.start(), pause);
    const message = vscode.l10n.t(
      'The Conexus server ended ({0}). It is started again in {1} s, or by the next search.',
      reason,
      Math.round(pause / 1000),
    );
    this.become('waiting', message);
    const logs = vscode.l10n.t('Show Logs');
    void vscode.window.showWarningMessage(message, logs).then((chosen) => {
      if (chosen === logs) this.log.show();
    });
  }

  private async reason(): Promise<string> {
    const child = this.process;
    // Its output is closed a little before its end is known.
    for (let waited = 0; waited < 500 && child?.exitCode === null && !child.signalCode; waited += 20) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return child?.signalCode ?? vscode.l10n.t('exit code {0}', child?.exitCode ?? '?');
  }

  private become(phase: Phase, message = ''): void {
    this.state = { phase, message };
    if (message) {
      this.log.error(message);
      this.errors.push({ at: new Date(), message });
      this.errors.splice(0, this.errors.length - KEPT_ERRORS);
    }
    void vscode.commands.executeCommand('setContext', 'conexus.running', phase === 'running');
    if (phase !== 'running' && phase !== 'starting') {
      this.folders.clear();
      this.moved.fire(undefined);
    }
    this.changed.fire(this.state);
  }
}

/** A client that writes its errors to the log only: what it means for the user is said once, by `become`. */
class LogOnlyClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

/** A token that is undefined would count as a second parameter. */
function send(client: LanguageClient, method: string, params: object, token?: vscode.CancellationToken) {
  return token ? client.sendRequest<unknown>(method, params, token) : client.sendRequest<unknown>(method, params);
}
