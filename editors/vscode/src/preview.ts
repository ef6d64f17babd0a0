/** Shows places in the editor while the user looks through hits, and brings them back to where they were. */
import * as vscode from 'vscode';
import { locateIn } from './places';
import type { Hit } from './protocol';

interface Home {
  editor: vscode.TextEditor;
  selections: readonly vscode.Selection[];
  visible: vscode.Range | undefined;
  inPreview: boolean;
}

const CLICK_MS = 300;
const KINDS = vscode.TextEditorSelectionChangeKind;

const HIGHLIGHT = vscode.window.createTextEditorDecorationType({
  backgroundColor: new vscode.ThemeColor('editor.rangeHighlightBackground'),
  isWholeLine: true,
});
const FOCUS = vscode.window.createTextEditorDecorationType({
  backgroundColor: new vscode.ThemeColor('editor.findMatchHighlightBackground'),
});

/** Open a hit where it is now; return whether its file is still there. */
export async function open(hit: Hit, options: vscode.TextDocumentShowOptions = {}): Promise<boolean> {
  try {
    const { document, place } = await locateIn(hit);
    const editor = await vscode.window.showTextDocument(document, { preview: false, ...options });
    editor.selection = new vscode.Selection(place.focus.start, place.focus.start);
    editor.revealRange(new vscode.Range(place.focus.start, place.focus.start), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
    return true;
  } catch {
    void vscode.window.showWarningMessage(vscode.l10n.t('{0} is gone, or cannot be opened.', hit.path));
    return false;
  }
}

export class Preview {
  private readonly home: Home | undefined;
  private readonly tabs: ReadonlySet<string>;
  private last: Promise<unknown> = Promise.resolve();
  private wanted: Hit | undefined;
  private shown: boolean;
  private over = false;
  /** When the user last clicked or typed into an editor, and not into the picker. */
  private acted = 0;
  private readonly acts = vscode.window.onDidChangeTextEditorSelection(({ kind }) => {
    if (kind === KINDS.Mouse || kind === KINDS.Keyboard) this.acted = performance.now();
  });

  /** `before`: the preview that this one follows, whose beginning is where the user was. */
  constructor(before?: Preview) {
    this.home = before ? before.home : whereWeAre();
    this.tabs = before?.tabs ?? new Set(openTabs());
    this.shown = before?.shown ?? false;
  }

  /** Show a hit without leaving the picker; of several asked for at once, the last one. */
  show(hit: Hit): void {
    if (this.over) return;
    this.wanted = hit;
    this.last = this.last.then(async () => {
      if (this.wanted === hit) await this.reveal(hit);
    });
  }

  /** Stop, and leave what is shown. */
  async end(): Promise<void> {
    await this.stop();
    this.acts.dispose();
  }

  /** Stop, and show what was shown before. */
  async back(): Promise<void> {
    const begun = performance.now();
    await this.stop();
    if (this.home && this.shown) await this.restore(this.home, begun);
    const left = vscode.window.tabGroups.all
      .flatMap((group) => group.tabs)
      .filter((tab) => tab.isPreview && !this.tabs.has(nameOf(tab)));
    if (left.length > 0) await vscode.window.tabGroups.close(left, true);
    this.acts.dispose();
  }

  /** Stop, and show what was shown before, unless the user goes on in an editor. */
  async dismissed(): Promise<void> {
    this.close();
    // A click that closed the box is heard of before VS Code answers anything that is asked now.
    await vscode.commands.executeCommand('setContext', 'conexus.picking', false);
    await (performance.now() - this.acted < CLICK_MS ? this.end() : this.back());
  }

  /** Show nothing any more: VS Code tells of selections until it tells that the box is gone. */
  private close(): void {
    this.over = true;
    this.wanted = undefined;
  }

  private async stop(): Promise<void> {
    this.close();
    await this.last;
    for (const editor of vscode.window.visibleTextEditors) {
      editor.setDecorations(HIGHLIGHT, []);
      editor.setDecorations(FOCUS, []);
    }
  }

  private async restore({ editor, selections, visible, inPreview }: Home, begun: number): Promise<void> {
    const options: vscode.TextDocumentShowOptions = {
      preview: inPreview,
      // VS Code itself returns the focus when the box is gone; taken again, it would close the box that opened since.
      preserveFocus: true,
      // With the editor and not after it, as the user may be typing there by then.
      ...(selections[0] ? { selection: selections[0] } : {}),
      ...(editor.viewColumn ? { viewColumn: editor.viewColumn } : {}),
    };
    // VS Code gives up on an editor where another one is about to open.
    const show = (): Thenable<vscode.TextEditor> => vscode.window.showTextDocument(editor.document, options);
    const shown = await show().then(undefined, show).then(undefined, () => undefined);
    if (!shown || this.acted > begun) return;
    if (selections.length > 1) shown.selections = selections;
    if (visible) shown.revealRange(visible, vscode.TextEditorRevealType.AtTop);
  }

  private async reveal(hit: Hit): Promise<void> {
    try {
      const { document, place } = await locateIn(hit);
      if (this.wanted !== hit) return;
      this.shown = true;
      const editor = await vscode.window.showTextDocument(document, {
        preview: true,
        preserveFocus: true,
        selection: new vscode.Range(place.focus.start, place.focus.start),
        ...(this.home?.editor.viewColumn ? { viewColumn: this.home.editor.viewColumn } : {}),
      });
      editor.revealRange(new vscode.Range(place.focus.start, place.focus.start), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
      editor.setDecorations(HIGHLIGHT, [place.range]);
      editor.setDecorations(FOCUS, [place.focus]);
    } catch {
      // The file is gone or no text: Enter says so.
    }
  }
}

function whereWeAre(): Home | undefined {
  const editor = vscode.window.activeTextEditor;
  if (!editor) return undefined;
  const inPreview = vscode.window.tabGroups.activeTabGroup.activeTab?.isPreview ?? false;
  return { editor, selections: editor.selections, visible: editor.visibleRanges[0], inPreview };
}

function openTabs(): string[] {
  return vscode.window.tabGroups.all.flatMap((group) => group.tabs).map(nameOf);
}

function nameOf(tab: vscode.Tab): string {
  const uri = tab.input instanceof vscode.TabInputText ? tab.input.uri.toString() : tab.label;
  return `${tab.group.viewColumn} ${uri}`;
}
