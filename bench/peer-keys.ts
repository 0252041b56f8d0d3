import { once } from 'node:events'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import type { World } from './world.ts'

/** Throw-away keys and configurations of the peers, made once a run below its directory. */

export interface TlsKeys {
  readonly ca: string
  /** PEM files of certificate and key, and both in one file, as socat wants them. */
  readonly server: KeyFiles
  readonly client: KeyFiles
}

export interface KeyFiles {
  readonly certificate: string
  readonly key: string
  readonly both: string
}

/** An ECDSA P-256 CA, and a server and a client certificate for `localhost`: what a careful user of TLS would have. */
export function tlsKeys(world: World): Promise<TlsKeys> {
  return world.once('tls', async () => {
    const place = await world.place('tls')
    const ca = await issueCertificate(world, place, 'ca')
    const server = await issueCertificate(world, place, 'server', ca)
    const client = await issueCertificate(world, place, 'client', ca)
    return { ca: ca.certificate, server, client }
  })
}

async function issueCertificate(world: World, place: string, name: string, ca?: KeyFiles): Promise<KeyFiles> {
  const [key, certificate, both] = ['key', 'crt', 'pem'].map(end => join(place, `${name}.${end}`)) as [
    string,
    string,
    string
  ]
  const subject = ['-subj', `/CN=${ca ? 'localhost' : 'bench CA'}`, '-days', '2']
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', certificate]
  const signed = ca
    ? ['-CA', ca.certificate, '-CAkey', ca.key, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    : ['-addext', 'keyUsage=critical,keyCertSign']
  await world.children.run({ argv: ['openssl', 'req', '-x509', ...fresh, ...subject, ...signed] })
  await writeFile(both, (await readFile(certificate, 'utf8')) + (await readFile(key, 'utf8')), { mode: 0o600 })
  return { certificate, key, both }
}

/** nginx as one process that gives the files of `root` to whoever shows a client certificate. */
export async function nginxConfiguration(world: World, root: string, port: number): Promise<string> {
  const { ca, server } = await tlsKeys(world)
  const place = await world.place('nginx')
  const path = join(place, 'nginx.conf')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    name => `${name}_temp_path ${place}/${name};`
  )
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  const text = `${user} daemon off; master_process off; pid ${place}/pid; error_log stderr notice;
events {}
http {
  ${temporary.join(' ')}
  access_log off; sendfile off; output_buffers 2 1m; keepalive_requests 1000000;
  server {
    listen 127.0.0.1:${port} ssl; server_name localhost; root ${root};
    ssl_certificate ${server.certificate}; ssl_certificate_key ${server.key};
    ssl_client_certificate ${ca}; ssl_verify_client on; ssl_protocols TLSv1.3;
  }
}
`
  await writeFile(path, text)
  return path
}

export interface SshFiles {
  readonly serverConfig: string
  readonly clientConfig: string
}

/**
 * An sshd of our own for the present user, by key, with the built-in sftp that scp speaks: no login shell slows it down. Commands do run in
 * the shell; a bash that believes to be an inner one reads no start-up file, and some are slow.
 */
export function sshFiles(world: World): Promise<SshFiles> {
  return world.once('ssh', async () => {
    const place = await world.place('ssh')
    const [host, user] = [join(place, 'host'), join(place, 'user')]
    for (const path of [host, user]) {
      await world.children.run({ argv: ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', path] })
    }
    // sshd of Debian wants this directory, which its service would have made
    if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 })
    const serverConfig = join(place, 'sshd_config')
    const clientConfig = join(place, 'ssh_config')
    const server = `HostKey ${host}\nAuthorizedKeysFile ${user}.pub\nUsePAM no\nStrictModes no\nPidFile none
PasswordAuthentication no\nPermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\nSetEnv SHLVL=9\n`
    const known = join(place, 'known_hosts')
    const client = `Host bench\n  HostName 127.0.0.1\n  User ${userInfo().username}\n  IdentityFile ${user}\n  IdentitiesOnly yes
  UserKnownHostsFile ${known}\n  StrictHostKeyChecking yes\n  HostKeyAlias bench\n`
    await writeFile(known, `bench ${await readFile(`${host}.pub`, 'utf8')}`)
    await writeFile(serverConfig, server)
    await writeFile(clientConfig, client)
    return { serverConfig, clientConfig }
  })
}

/** A port that was free a moment ago, for programs that can not choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

export interface AgeKey {
  readonly identity: string
  readonly recipient: string
}

export function ageKey(world: World): Promise<AgeKey> {
  return world.once('age', async () => {
    const identity = join(await world.place('age'), 'identity')
    await world.children.run({ argv: ['age-keygen', '-o', identity] })
    const recipient = /age1\w+/.exec(await readFile(identity, 'utf8'))?.[0]
    if (recipient === undefined) throw new Error('age-keygen printed no recipient')
    return { identity, recipient }
  })
}

/** A password for `openssl enc`, which has no keys of its own. */
export function passwordFile(world: World): Promise<string> {
  return world.once('password', async () => {
    const path = join(await world.place('openssl'), 'password')
    await world.children.run({ argv: ['openssl', 'rand', '-hex', '-out', path, '16'] })
    return path
  })
}

/** A certificate of an RSA-3072 key for `openssl cms`. */
export function cmsKey(world: World): Promise<Omit<KeyFiles, 'both'>> {
  return world.once('cms', async () => {
    const place = await world.place('cms')
    const [key, certificate] = [join(place, 'key'), join(place, 'crt')]
    const fresh = ['-newkey', 'rsa:3072', '-nodes', '-keyout', key, '-out', certificate, '-subj', '/CN=bench']
    await world.children.run({ argv: ['openssl', 'req', '-x509', ...fresh] })
    return { key, certificate }
  })
}

/** A GnuPG home with one RSA-3072 key; its agent is ended with the run. */
export function gpgHome(world: World): Promise<Record<string, string>> {
  return world.once('gpg', async () => {
    const home = await world.place('gpg')
    await chmod(home, 0o700)
    const env = { GNUPGHOME: home }
    const make = ['--batch', '--passphrase', '', '--quick-generate-key', 'bench', 'rsa3072', 'encrypt,sign', 'never']
    await world.children.run({ argv: ['gpg', '--quiet', ...make], env })
    world.defer(() => world.children.run({ argv: ['gpgconf', '--kill', 'all'], env }))
    return env
  })
}
