/** Questions asked in this workspace, newest first. */
import type { Memento } from 'vscode';

const KEY = 'conexus.history';
const KEPT = 50;

export class History {
  constructor(private readonly memory: Memento) {}

  get questions(): readonly string[] {
    return this.memory.get<string[]>(KEY, []);
  }

  /** Take note of a question that led somewhere. */
  async add(question: string): Promise<void> {
    const asked = question.trim();
    if (asked) {
      await this.memory.update(KEY, [asked, ...this.questions.filter((one) => one !== asked)].slice(0, KEPT));
    }
  }
}
