import t from 'tap'
import { type Hello, hello, helloReply } from '../../../src/auth/session/handshake-messages.ts'
import { acceptAnswer, answerOffer, checkChunkPower, makeOffer, type Terms } from '../../../src/auth/session/hello.ts'
import { TERMS } from '../../fixtures/hostile-peer.ts'

const isGrease = (value: number) => (value & 0x0f0f) === 0x0a0a && value >> 12 === ((value >> 4) & 0xf)

t.test('an offer has its lists in the order of preference, with one reserved value somewhere in each', async t => {
  const places = new Set<number>()
  for (let i = 0; i < 40; i++) {
    const { body } = await makeOffer(TERMS)
    const { versions, suites, groups, chunkPower, kemKey } = hello.decode(body)
    for (const list of [versions, suites, groups]) t.equal(list.filter(isGrease).length, 1)
    t.strictSame(
      [versions, suites, groups].map(list => list.filter(value => !isGrease(value))),
      [[1], [1, 2, 3], [2, 1]]
    )
    t.strictSame([chunkPower, kemKey?.byteLength], [20, 1184])
    places.add(suites.findIndex(isGrease))
  }
  t.ok(places.size > 1, 'not always in the same place')
})

t.test('the first entry of the offer that the responder supports is taken', async t => {
  const cases: [Partial<Terms>, Partial<Terms>, string][] = [
    [{}, {}, 'aes-256-gcm x25519mlkem768'],
    [{ suites: ['chacha20-poly1305', 'aes-256-gcm'] }, {}, 'chacha20-poly1305 x25519mlkem768'],
    [{}, { suites: ['chacha20-poly1305'] }, 'chacha20-poly1305 x25519mlkem768'],
    [{}, { groups: ['x25519'] }, 'aes-256-gcm x25519'],
    [{ groups: ['x25519', 'x25519mlkem768'] }, {}, 'aes-256-gcm x25519']
  ]
  for (const [theirs, ours, expected] of cases) {
    const offer = await makeOffer({ ...TERMS, ...theirs })
    const answer = await answerOffer(offer.body, { ...TERMS, ...ours })
    t.equal(`${answer.suite} ${answer.group}`, expected)
    const accepted = acceptAnswer(offer, answer.body)
    t.equal(`${accepted.suite} ${accepted.group}`, expected)
    t.equal(Buffer.compare(accepted.z, answer.z), 0)
  }
})

t.test('values that a responder does not know are ignored; nothing in common is an error', async t => {
  const base = hello.decode((await makeOffer(TERMS)).body)
  const answer = (edit: Partial<Hello>, terms = TERMS) => answerOffer(hello.encode({ ...base, ...edit }), terms)
  t.match(await answer({ versions: [0x7f1c, 1], suites: [99, 0x8a8a, 2], groups: [3, 4, 2] }), {
    suite: 'chacha20-poly1305',
    group: 'x25519mlkem768'
  })
  await t.rejects(answer({ versions: [2, 0x1a1a] }), { code: 'ERR_SFT_VERSION' })
  await t.rejects(answer({ suites: [0x1a1a, 4] }), { code: 'ERR_SFT_HANDSHAKE' })
  await t.rejects(answer({ groups: [0x1a1a, 3], kemKey: undefined }), { code: 'ERR_SFT_HANDSHAKE' })
  await t.rejects(answer({}, { ...TERMS, suites: [] }), { code: 'ERR_SFT_HANDSHAKE' })
})

t.test('an encapsulation key is there exactly when the hybrid group is offered', async t => {
  const base = hello.decode((await makeOffer(TERMS)).body)
  const answer = (edit: Partial<Hello>) => answerOffer(hello.encode({ ...base, ...edit }), TERMS)
  await t.rejects(answer({ kemKey: undefined }), { code: 'ERR_SFT_HANDSHAKE' })
  await t.rejects(answer({ groups: [1] }), { code: 'ERR_SFT_HANDSHAKE' })
})

t.test('the initiator requires the choice to be one of its own (M19)', async t => {
  const terms: Terms = { ...TERMS, suites: ['aes-256-gcm'], groups: ['x25519'] }
  const offer = await makeOffer(terms)
  const reply = helloReply.decode((await answerOffer(offer.body, terms)).body)
  const accept = (edit: object) => () => acceptAnswer(offer, helloReply.encode({ ...reply, ...edit }))
  const kemCiphertext = new Uint8Array(1088)
  t.doesNotThrow(accept({}))
  t.throws(accept({ version: 2 }), { code: 'ERR_SFT_VERSION' })
  t.throws(accept({ version: 0 }), { code: 'ERR_SFT_VERSION' })
  t.throws(accept({ suite: 2 }), { code: 'ERR_SFT_HANDSHAKE' })
  t.throws(accept({ group: 2, kemCiphertext }), { code: 'ERR_SFT_HANDSHAKE' })
  t.throws(accept({ kemCiphertext }), { code: 'ERR_SFT_HANDSHAKE' })
  const { suites, groups } = hello.decode(offer.body)
  t.throws(accept({ suite: suites.find(isGrease) }), { code: 'ERR_SFT_HANDSHAKE' }, 'a reserved value was not meant')
  t.throws(accept({ group: groups.find(isGrease) }), { code: 'ERR_SFT_HANDSHAKE' })
  const hybrid = await makeOffer(TERMS)
  const full = helloReply.decode((await answerOffer(hybrid.body, TERMS)).body)
  t.throws(() => acceptAnswer(hybrid, helloReply.encode({ ...full, kemCiphertext: undefined })), {
    code: 'ERR_SFT_HANDSHAKE'
  })
})

t.test('a largest chunk size may grow in later versions, not shrink', t => {
  t.strictSame([14, 20, 24].map(checkChunkPower), [14, 20, 20])
  for (const power of [0, 13]) t.throws(() => checkChunkPower(power), { code: 'ERR_SFT_HANDSHAKE' })
  t.end()
})
