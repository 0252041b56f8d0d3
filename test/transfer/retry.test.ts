import t from 'tap'
import { SftError } from '../../src/streams/errors.ts'
import { retrying } from '../../src/transfer/retry.ts'

const lost = new SftError('ERR_SFT_CONNECTION_LOST', 'lost')

/** Fails with these, one after the other, and then succeeds. */
function failing(...errors: unknown[]) {
  const attempts: number[] = []
  const attempt = async (): Promise<string> => {
    attempts.push(attempts.length)
    if (attempts.length <= errors.length) throw errors[attempts.length - 1]
    return 'done'
  }
  return { attempt, attempts }
}

t.test('attempts again what may pass, and says so', async t => {
  const { attempt } = failing(lost, lost)
  const told: unknown[] = []
  const onRetry = (error: SftError, wait: number): void => void told.push(error, wait <= 1000)
  t.equal(await retrying({ retry: 2, onRetry }, undefined, attempt), 'done')
  t.same(told, [lost, true, lost, true])
})

t.test('gives up after so many, or at once for good', async t => {
  const patient = failing(lost, lost, lost)
  await t.rejects(retrying({ retry: 1 }, undefined, patient.attempt), lost)
  t.equal(patient.attempts.length, 2)
  const useless = [
    new SftError('ERR_SFT_EXISTS', 'there'),
    new Error('a bug'),
    new SftError('ERR_SFT_CHUNK_AUTH', 'no')
  ]
  for (const error of useless) {
    const { attempt, attempts } = failing(error)
    await t.rejects(retrying({ retry: 5 }, undefined, attempt), error)
    t.equal(attempts.length, 1)
  }
  await t.rejects(retrying({}, undefined, failing(lost).attempt), lost)
})

t.test('goes on as long as it gets farther, and stops where nothing can help', async t => {
  const farther = [true, true, false]
  const advanced = (): boolean => farther.shift() === true
  const often = failing(lost, lost, lost, lost, lost, lost)
  await t.rejects(retrying({ retry: 1, advanced }, undefined, often.attempt), lost)
  t.equal(often.attempts.length, 3)
  const useless = failing(lost, lost)
  await t.rejects(retrying({ retry: 5, isFinal: () => true }, undefined, useless.attempt), lost)
  t.equal(useless.attempts.length, 1)
})

t.test('an abort ends the waiting', async t => {
  const stop = new AbortController()
  const reason = new Error('enough')
  const onRetry = (): void => stop.abort(reason)
  const { attempt, attempts } = failing(lost, lost, lost)
  await t.rejects(retrying({ retry: 5, onRetry }, stop.signal, attempt), reason)
  t.equal(attempts.length, 1)
})
