/** The quick pick of all searches: answers while one types, in the server's order, with a preview. */
import * as vscode from 'vscode';
import type { History } from './history';
import { open, Preview } from './preview';
import { answerRows, historyRows, PIN, problemRows, sameRow, sameRows } from './pickerRows';
import type { Asked, Question, Row } from './pickerRows';

const DEBOUNCE_MS = 40;
const BUSY_MS = 300;
const PREVIEW_MS = 80;

export class Picker implements vscode.Disposable {
  readonly pick = vscode.window.createQuickPick<Row>();
  private readonly preview: Preview;
  private readonly gone = new vscode.EventEmitter<void>();
  readonly onDidHide = this.gone.event;
  private readonly live: boolean;
  private asked: Asked | undefined;
  private asking: vscode.CancellationTokenSource | undefined;
  /** How often the index moved. */
  private moves = 0;
  private timers: Partial<Record<'ask' | 'busy' | 'preview', NodeJS.Timeout>> = {};
  private recalled = -1;
  private closed = false;
  private left = false;

  constructor(
    private readonly question: Question,
    private readonly history: History,
    private readonly keep: (asked: Asked, reveal: boolean) => unknown,
    /** The picker that was open when this one was asked for. */
    before?: Picker,
  ) {
    this.preview = new Preview(before?.preview);
    this.live = question.prompt !== undefined;
    Object.assign(this.pick, {
      title: question.title,
      placeholder: question.prompt ?? vscode.l10n.t('Type to filter'),
      matchOnDescription: !this.live,
      matchOnDetail: !this.live,
      keepScrollPosition: true,
      // The server's order counts, also where a name looks more like what was typed. VS Code knows this
      // property in all versions, its published types do not.
      sortByLabel: false,
      value: this.live ? question.query : '',
    });
    this.pick.onDidChangeValue(() => { this.typed(); });
    this.pick.onDidChangeActive(([row]) => { this.moved(row); });
    this.pick.onDidAccept(() => void this.accept());
    this.pick.onDidTriggerItemButton(({ button, item }) => {
      void (button === PIN ? this.pin() : this.accept(item, true));
    });
    this.pick.onDidHide(() => void this.hidden());
    void vscode.commands.executeCommand('setContext', 'conexus.picking', true);
    this.pick.show();
    if (this.live && !question.query) this.showHistory();
    else void this.ask();
  }

  /** Ask again, as the index moved. */
  refresh(): void {
    this.moves += 1;
    // An answer under way may be of before: it is shown, and then asked for again.
    if (!this.closed && this.asked && !this.asking) this.later();
  }

  /** Go to a row's place, the selected one's if not given. */
  async accept(row = this.pick.activeItems[0], beside = false): Promise<void> {
    if (!row?.hit) {
      await row?.act?.();
      return;
    }
    await this.remember(false);
    // Beside where the user was, not beside what was previewed last.
    await this.leave(beside);
    await open(row.hit, beside ? { viewColumn: vscode.ViewColumn.Beside } : {});
  }

  /** Keep all hits in the view. */
  async pin(): Promise<void> {
    if (!this.asked?.answer.hits.length) return;
    await this.leave(true);
    await this.remember(true);
  }

  /** Put an older (1) or newer (-1) question into the box. */
  recall(step: number): void {
    const questions = this.history.questions;
    if (!this.live || questions.length === 0) return;
    this.recalled = Math.min(Math.max(this.recalled + step, -1), questions.length - 1);
    this.enter(questions[this.recalled] ?? '');
  }

  /** Put a question into the box, as if it were typed. */
  enter(query: string): void {
    this.pick.value = query;
    this.typed();
  }

  /** Close; `back`: return to where the user was. */
  async leave(back: boolean): Promise<void> {
    this.left = true;
    this.pick.hide();
    await (back ? this.preview.back() : this.preview.end());
  }

  dispose(): void {
    this.release();
    void this.preview.end();
  }

  /** Hidden by nobody here: by Escape in a VS Code that keeps that key for itself, as 1.96 does, or by a click. */
  private async hidden(): Promise<void> {
    const dismissed = !this.closed && !this.left;
    this.release();
    await (dismissed ? this.preview.dismissed() : this.preview.end());
  }

  private release(): void {
    if (this.closed) return;
    this.closed = true;
    for (const timer of Object.values(this.timers)) clearTimeout(timer);
    this.asking?.cancel();
    void vscode.commands.executeCommand('setContext', 'conexus.picking', false);
    this.pick.dispose();
    this.gone.fire();
  }

  private async remember(reveal: boolean): Promise<void> {
    if (!this.asked) return;
    if (this.live) await this.history.add(this.asked.query);
    this.keep(this.asked, reveal);
  }

  private typed(): void {
    if (!this.live || this.asked?.query === this.pick.value) return;
    // What was asked before is of no use any more.
    this.asking?.cancel();
    this.later();
  }

  private later(): void {
    clearTimeout(this.timers.ask);
    this.timers.ask = setTimeout(() => void this.ask(), DEBOUNCE_MS);
  }

  private async ask(): Promise<void> {
    const query = this.live ? this.pick.value : this.question.query;
    if (this.live && !query.trim()) {
      this.showHistory();
      return;
    }
    const asking = (this.asking = new vscode.CancellationTokenSource());
    const { moves } = this;
    // Most answers come sooner than a progress bar could be seen as more than a flicker.
    this.timers.busy = setTimeout(() => (this.pick.busy = !this.closed), BUSY_MS);
    try {
      const answer = await this.question.ask(query, asking.token);
      if (!asking.token.isCancellationRequested) this.show({ question: this.question, query, answer });
    } catch (error) {
      if (!asking.token.isCancellationRequested) this.showProblem(error);
    } finally {
      clearTimeout(this.timers.busy);
      if (this.asking === asking) {
        this.asking = undefined;
        this.pick.busy = false;
        if (this.moves !== moves && !this.closed) this.later();
      }
      asking.dispose();
    }
  }

  private show(asked: Asked): void {
    this.asked = asked;
    this.list(answerRows(asked));
  }

  private showHistory(): void {
    this.asked = undefined;
    this.list(historyRows(this.history.questions, (question) => { this.enter(question); }));
  }

  private showProblem(error: unknown): void {
    this.asked = undefined;
    const run = async (command: string): Promise<void> => {
      await this.leave(true);
      await vscode.commands.executeCommand(command);
    };
    this.list(problemRows(error instanceof Error ? error.message : String(error), run));
  }

  /** Show rows, the selection staying on the hit it was moved to; rows that are there already are left alone. */
  private list(rows: Row[]): void {
    if (this.closed || sameRows(rows, this.pick.items)) return;
    const chosen = this.pick.activeItems[0];
    const moved = chosen?.hit && chosen !== this.pick.items[0];
    this.pick.items = rows.map((row) => ({ ...row, alwaysShow: this.live || !row.hit }));
    const again = moved ? this.pick.items.find((row) => sameRow(row, chosen)) : undefined;
    if (again) this.pick.activeItems = [again];
  }

  private moved(row: Row | undefined): void {
    clearTimeout(this.timers.preview);
    const hit = row?.hit;
    if (hit && !this.closed) this.timers.preview = setTimeout(() => { this.preview.show(hit); }, PREVIEW_MS);
  }
}
