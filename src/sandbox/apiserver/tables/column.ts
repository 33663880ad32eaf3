import type { JsonObject } from '../../../base/json.ts'

export type Cell = string | number | boolean | null

/** One column of `kubectl get`. */
export interface Column {
  readonly name: string
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date'
  readonly format?: string
  readonly description?: string
  /** 0: always shown; 1: with `-o wide` alone. */
  readonly priority?: number
  cell(object: JsonObject, now: Date): Cell
}
