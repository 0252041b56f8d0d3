/**
 * Settles as `work` does, or with `undefined` after `ms`. The timer keeps the process alive: one that runs out of things to wait for would end
 * as if all had gone well.
 */
export async function atMost<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  const expired = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => expired.resolve(undefined), ms)
  try {
    return await Promise.race([work, expired.promise])
  } finally {
    clearTimeout(timer)
  }
}
