/** The Conexus view: the last results, grouped by file, which follow edits. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { Asked } from './pickerRows';
import { glimpse, icon, nameOf } from './rows';
import { Follower, track, type Tracked } from './tracked';

/** A file with hits; it comes where its best hit does. */
export interface FileNode {
  uri: vscode.Uri;
  hits: HitNode[];
}

export interface HitNode {
  tracked: Tracked;
  file: FileNode;
}

type Node = FileNode | HitNode;

export class Results implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<Node | undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly view: vscode.TreeView<Node>;
  private files: FileNode[] = [];
  private follower: Follower | undefined;
  asked: Asked | undefined;

  constructor(context: vscode.ExtensionContext) {
    this.view = vscode.window.createTreeView('conexus.results', { treeDataProvider: this, showCollapseAll: true });
    const commands: Record<string, (node?: HitNode) => unknown> = {
      'conexus.results.refresh': () => this.refresh(),
      'conexus.results.clear': () => { this.show(undefined); },
      'conexus.results.open': (node) => this.open(node, vscode.ViewColumn.Active),
      'conexus.results.openBeside': (node) => this.open(node, vscode.ViewColumn.Beside),
    };
    for (const [name, run] of Object.entries(commands)) {
      context.subscriptions.push(vscode.commands.registerCommand(name, run));
    }
    context.subscriptions.push(this);
  }

  /** Keep these results instead of the last ones. */
  show(asked: Asked | undefined, reveal = false): void {
    this.follower?.dispose();
    this.follower = undefined;
    this.asked = asked;
    this.files = grouped((asked?.answer.hits ?? []).map(track));
    if (asked) {
      this.follower = new Follower(() => this.hits);
      this.follower.onDidChange(() => { this.changed.fire(undefined); });
    }
    this.view.description = asked?.query ?? '';
    this.view.message = asked ? said(asked) : '';
    void vscode.commands.executeCommand('setContext', 'conexus.hasResults', asked !== undefined);
    this.changed.fire(undefined);
    if (reveal) void vscode.commands.executeCommand('conexus.results.focus');
  }

  /** Every hit, in the order of the view. */
  get hits(): Tracked[] {
    return this.files.flatMap((file) => file.hits.map((one) => one.tracked));
  }

  async refresh(): Promise<void> {
    if (!this.asked) return;
    const { question, query } = this.asked;
    await vscode.window.withProgress({ location: { viewId: 'conexus.results' } }, async (_, token) => {
      this.show({ question, query, answer: await question.ask(query, token) });
    });
  }

  /** Ask once more what was asked of an index that was incomplete then, and is complete now. */
  async complete(): Promise<void> {
    if (this.asked?.answer.progress) await this.refresh().catch(() => undefined);
  }

  getChildren(node?: Node): Node[] {
    if (!node) return this.files;
    return 'hits' in node ? node.hits : [];
  }

  getParent(node: Node): Node | undefined {
    return 'file' in node ? node.file : undefined;
  }

  getTreeItem(node: Node): vscode.TreeItem {
    return 'hits' in node ? fileItem(node) : hitItem(node, this.asked?.query ?? '');
  }

  dispose(): void {
    this.follower?.dispose();
    this.view.dispose();
    this.changed.dispose();
  }

  private async open(node: HitNode | undefined, viewColumn: vscode.ViewColumn): Promise<void> {
    const chosen = node ?? this.view.selection.find((one) => 'tracked' in one);
    if (!chosen) return;
    const { uri, focus } = chosen.tracked;
    try {
      await vscode.window.showTextDocument(uri, { viewColumn, selection: new vscode.Range(focus.start, focus.start) });
    } catch {
      chosen.tracked.freshness = 'gone';
      this.changed.fire(undefined);
      void vscode.window.showWarningMessage(
        vscode.l10n.t('{0} is gone, or cannot be opened.', vscode.workspace.asRelativePath(uri)),
      );
    }
  }
}

function grouped(hits: Tracked[]): FileNode[] {
  const files = new Map<string, FileNode>();
  for (const tracked of hits) {
    const key = tracked.uri.toString();
    const file = files.get(key) ?? { uri: tracked.uri, hits: [] };
    file.hits.push({ tracked, file });
    files.set(key, file);
  }
  return [...files.values()];
}

function said({ answer }: Asked): string {
  const count = answer.hits.length === 0 ? [vscode.l10n.t('Nothing found')] : [];
  return [...count, ...answer.notes, ...(answer.progress ? [answer.progress] : [])].join('. ');
}

function fileItem(file: FileNode): vscode.TreeItem {
  const uri = file.hits[0]?.tracked.uri ?? file.uri;
  const item = new vscode.TreeItem(uri, vscode.TreeItemCollapsibleState.Expanded);
  const relative = vscode.workspace.asRelativePath(uri);
  item.label = path.posix.basename(uri.path);
  item.description = path.posix.dirname(relative) === '.' ? '' : path.posix.dirname(relative);
  item.iconPath = vscode.ThemeIcon.File;
  item.contextValue = 'file';
  item.accessibilityInformation = { label: vscode.l10n.t('{0}, {1} results', relative, file.hits.length) };
  return item;
}

function hitItem(node: HitNode, query: string): vscode.TreeItem {
  const { hit, focus, freshness } = node.tracked;
  const { text, highlights } = glimpse(hit, query);
  const item = new vscode.TreeItem({ label: text || nameOf(hit), highlights: text ? highlights : [] });
  const line = focus.start.line + 1;
  const state = freshness === 'edited' ? vscode.l10n.t('edited since') : vscode.l10n.t('deleted');
  item.description = freshness === 'current' ? String(line) : `${line}  (${state})`;
  item.iconPath = freshness === 'current' ? icon(hit.kind) : new vscode.ThemeIcon('warning');
  item.tooltip = new vscode.MarkdownString().appendText(`${nameOf(hit)} (${hit.kind})\n`).appendCodeblock(hit.excerpt);
  item.contextValue = 'hit';
  item.command = { command: 'conexus.results.open', title: vscode.l10n.t('Open'), arguments: [node] };
  item.accessibilityInformation = {
    label: vscode.l10n.t('{0} {1}, line {2}: {3}', hit.kind, nameOf(hit), item.description, text),
  };
  return item;
}
