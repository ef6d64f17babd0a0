/** The status page: a webview that shows what `conexus/status` says, drawn by src/page. */
import * as crypto from 'node:crypto';
import * as vscode from 'vscode';
import type { PageState } from './page/state';
import type { Server } from './server';

/** The buttons of the page. */
const COMMANDS: Record<string, string> = {
  reindex: 'conexus.reindex',
  pause: 'conexus.pause',
  resume: 'conexus.resume',
  restart: 'conexus.restart',
  logs: 'conexus.logs',
  install: 'conexus.install',
};
const KEPT_ANSWERS = 100;
const REFRESH_MS = 250;

export class StatusPage {
  private panel: vscode.WebviewPanel | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly answers: number[] = [];
  /** What the page was told last. */
  told: PageState | undefined;
  /** What the page last said it shows: its headings. */
  drawn: string[] = [];

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly server: Server,
  ) {
    context.subscriptions.push(
      vscode.commands.registerCommand('conexus.status', () => { this.open(); }),
      server.onDidChangeFolder(() => { this.soon(); }),
      server.onDidChangeState(() => { this.soon(); }),
      server.onDidAnswer(({ method, milliseconds }) => {
        if (method === 'conexus/status') return;
        this.answers.push(milliseconds);
        this.answers.splice(0, this.answers.length - KEPT_ANSWERS);
        this.soon();
      }),
    );
  }

  open(): void {
    if (this.panel) {
      this.panel.reveal();
      return;
    }
    const roots = ['dist', 'media'].map((name) => vscode.Uri.joinPath(this.context.extensionUri, name));
    const panel = vscode.window.createWebviewPanel('conexus.status', 'Conexus', vscode.ViewColumn.Active, {
      enableScripts: true,
      localResourceRoots: roots,
    });
    panel.iconPath = vscode.Uri.joinPath(this.context.extensionUri, 'media', 'icon.png');
    panel.webview.onDidReceiveMessage((message: { command?: string; drawn?: string[] }) => { this.heard(message); });
    panel.onDidChangeViewState(() => { this.soon(); });
    panel.onDidDispose(() => (this.panel = undefined));
    panel.webview.html = this.html(panel.webview);
    this.panel = panel;
  }

  private heard({ command, drawn }: { command?: string; drawn?: string[] }): void {
    if (drawn) this.drawn = drawn;
    if (command === 'refresh') this.soon();
    const known = command && COMMANDS[command];
    if (known) void vscode.commands.executeCommand(known);
  }

  /** Tell the page soon: events come in bursts. */
  private soon(): void {
    if (!this.panel?.visible) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.tell();
    }, REFRESH_MS);
  }

  private async tell(): Promise<void> {
    const running = this.server.state.phase === 'running';
    const status = running ? await this.server.ask('conexus/status', {}).catch(() => undefined) : undefined;
    this.told = {
      ...this.server.state,
      server: this.server.found?.command ?? '',
      status,
      answers: [...this.answers],
      errors: this.server.errors.map(({ at, message }) => ({ at: at.toLocaleTimeString(), message })),
    };
    await this.panel?.webview.postMessage(this.told);
  }

  private html(webview: vscode.Webview): string {
    const nonce = crypto.randomBytes(16).toString('base64');
    const script = webview.asWebviewUri(vscode.Uri.joinPath(this.context.extensionUri, 'dist', 'status.js'));
    const style = webview.asWebviewUri(vscode.Uri.joinPath(this.context.extensionUri, 'media', 'status.css'));
    const policy = `default-src 'none'; style-src ${webview.cspSource}; script-src 'nonce-${nonce}'`;
    const texts = JSON.stringify(pageTexts()).replace(/</g, '\\u003c');
    return `<!doctype html>
<html lang="${vscode.env.language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width">
<title>Conexus</title>
<link rel="stylesheet" href="${style.toString()}">
</head>
<body>
<main id="page" aria-live="off"></main>
<script nonce="${nonce}" type="application/json" id="texts">${texts}</script>
<script nonce="${nonce}" src="${script.toString()}"></script>
</body>
</html>`;
  }
}

/** Return what the page says, in the user's language. */
function pageTexts(): Record<string, string> {
  const t = vscode.l10n.t;
  return {
    answers: t('Answers in this window'),
    answersNote: t('milliseconds from question to answer'),
    buffers: t('open documents'),
    chunks: t('chunks'),
    chunksByLanguage: t('Chunks by language'),
    edits: t('Edit to searchable'),
    editsNote: t('milliseconds, newest on the right'),
    editors: t('Editors connected'),
    engine: t('Engine'),
    errors: t('Recent errors'),
    failed: t('failed'),
    files: t('files'),
    filesByLanguage: t('Files by language'),
    index: t('Index'),
    indexing: t('indexing'),
    install: t('Install Server'),
    latencies: t('Latencies by request'),
    logs: t('Show Logs'),
    median: t('median'),
    memory: t('memory'),
    missing: t('not found'),
    model: t('Model'),
    none: t('nothing yet'),
    nothing: t('nothing'),
    onDisk: t('on disk'),
    paused: t('paused'),
    pause: t('Pause Indexing'),
    pending: t('files to go'),
    problems: t('Problems'),
    queries: t('Queries'),
    queriesNote: t('milliseconds in the engine, newest on the right'),
    ready: t('ready'),
    reindex: t('Reindex'),
    restart: t('Restart Server'),
    resume: t('Resume Indexing'),
    running: t('running'),
    scanning: t('scanning'),
    server: t('Server'),
    size: t('Size on disk'),
    skipped: t('Skipped files'),
    slowest: t('95 of 100 within'),
    starting: t('starting'),
    stopped: t('stopped'),
    symbols: t('symbols'),
    times: t('answered'),
    waiting: t('waiting to start again'),
    watching: t('Watching'),
  };
}
