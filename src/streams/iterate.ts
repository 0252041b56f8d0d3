import type { Source } from './types.ts'

/** The iterator of a source of either kind. Whoever takes one calls its `return` on an early stop. */
export function iterate<T>(source: Source<T>): AsyncIterator<T> | Iterator<T> {
  return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
}
