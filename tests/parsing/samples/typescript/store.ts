import { Observable } from "rxjs";

/** A unique name. */
export type Id = string | number;

export interface Entity<T = unknown> {
  readonly id: Id;
  /** Saves it. */
  save(value: T): Promise<void>;
}

export enum State {
  Open = "open",
  Closed = "closed",
}

export const enum Flag { A = 1 }

declare global {
  interface Window { store: Store<unknown> }
}

declare function legacy(name: string): void;

declare module "legacy" {
  export function start(): void;
}

export namespace Geometry.Plane {
  export const ORIGIN = 0;
  export function distance(a: number, b: number): number {
    return Math.abs(a - b);
  }
}

export abstract class Base {
  protected abstract flush(): void;
}

// Keeps entities by id.
@Injectable({ providedIn: "root" })
export class Store<T> extends Base implements Iterable<T> {
  private readonly items = new Map<Id, T>();
  static empty: Store<never>;

  constructor(private readonly source: Observable<T>) {
    super();
  }

  get(id: Id): T | undefined;
  get(id: Id, fallback: T): T;
  get(id: Id, fallback?: T) {
    return this.items.get(id) ?? fallback;
  }

  @Input()
  set size(value: number) {
    this.items.clear();
  }

  protected flush = (): void => {
    this.items.clear();
  };

  *[Symbol.iterator]() {
    yield* this.items.values();
  }
}

export function isId(value: unknown): value is Id {
  return typeof value === "string" || typeof value === "number";
}

export const selectById = (id: Id) => (store: Store<unknown>) => store.get(id);

export const reducers = {
  add(state: State, item: unknown) {
    return state;
  },
  remove: (state: State) => state,
};
