import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { issueServer } from '../../../src/auth/certificates/issuance.ts'
import { storePrivateKey } from '../../../src/auth/certificates/keys.ts'
import { clockOffset } from '../../../src/auth/client/clock.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

t.test('says how far the clock of the auth server is ahead', async t => {
  const { root, issuing } = await makeOrganisation()
  const { publicKey, privateKey } = await testKey()
  const cert = issueServer(issuing, { publicKey, hosts: ['127.0.0.1'] }).toString() + issuing.certificate.toString()
  let date: string | undefined
  const server = createServer({ key: storePrivateKey(privateKey, undefined), cert }, (_, response) => {
    response.sendDate = false
    if (date !== undefined) response.setHeader('date', date)
    response.end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  for (const ahead of [0, 600_000, -3_600_000]) {
    date = new Date(Date.now() + ahead).toUTCString()
    t.ok(Math.abs((await clockOffset(root, { url })) - ahead) < 2000, `${ahead}`)
  }
  for (const none of [undefined, 'noon']) {
    date = none
    await t.rejects(clockOffset(root, { url }), { code: 'ERR_SFT_PROTOCOL' })
  }
})
