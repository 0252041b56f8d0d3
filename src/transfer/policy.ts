import { matchesGlob } from 'node:path'
import { isUserName } from '../auth/certificates/names.ts'
import { SftError } from '../streams/errors.ts'

/** Who may get or send what, where, and how large (SPEC §8.2): rules that allow, and nothing else is allowed. */

export const ACTIONS = ['get', 'send', 'message'] as const
/** What a peer wants: to get a file from here, to send one here, or to send a message, which no rule for files allows. */
export type Action = (typeof ACTIONS)[number]

export interface PolicyRequest {
  /** Verified name of the peer. */
  readonly peer: string
  readonly action: Action
  /** Below the served directory, where links have led; or the name that a sender proposes. Of a message, which has none, no glob is asked about it. */
  readonly path: string
  /** Bytes, when known. */
  readonly size?: number | undefined
}

/** `maxSize` in bytes; of several rules that allow, the largest. */
export type PolicyVerdict = { readonly allowed: false } | { readonly allowed: true; readonly maxSize: number }

export interface Policy {
  decide(request: PolicyRequest): PolicyVerdict | Promise<PolicyVerdict>
}

interface Rule {
  readonly who: ReadonlySet<string>
  readonly everybody: boolean
  readonly may: ReadonlySet<Action>
  readonly where: readonly string[]
  readonly maxSize: number
}

/** Every member; in the place of a name. */
const EVERYBODY = '*'
const RULE_KEYS = ['who', 'may', 'where', 'maxSize']

/**
 * Reads a policy: `{"groups": {"staff": ["alice", "bob"]}, "rules": [{"who": ["@staff"], "may": "get", "where": ["reports/**"], "maxSize": "1G"}]}`.
 * `who` are names, `@group` or `*`; `may` is `get`, `send`, `message` or a list of them; `where` are globs, everything by default, and do not concern messages; `maxSize` is in bytes, or with K, M, G, T.
 *
 * @throws SftError ERR_SFT_USAGE for everything else, so that a mistake never allows or forbids in silence.
 */
export function parsePolicy(text: string): Policy {
  const { groups, rules } = parseFile(text)
  const parsed = rules.map((rule, index) => parseRule(rule, groups, `rule ${index + 1}`))
  return {
    decide({ peer, action, path, size = 0 }) {
      const sizes = parsed
        .filter(rule => rule.may.has(action) && (rule.everybody || rule.who.has(peer)))
        .filter(({ where }) => action === 'message' || where.some(glob => matchesGlob(path, glob)))
        .map(({ maxSize }) => maxSize)
      const maxSize = Math.max(...sizes)
      return sizes.length > 0 && size <= maxSize ? { allowed: true, maxSize } : { allowed: false }
    }
  }
}

function parseFile(text: string): { groups: Map<string, readonly string[]>; rules: readonly unknown[] } {
  const { groups = {}, rules, ...rest } = parseObject(parseJson(text), 'the policy')
  refuseOthers(rest, 'the policy')
  if (!Array.isArray(rules)) throw wrong('the policy has no list of rules')
  const named = Object.entries(parseObject(groups, 'groups')).map(
    ([name, members]) => [name, parseNames(members, `group ${name}`)] as const
  )
  return { groups: new Map(named), rules }
}

function parseRule(rule: unknown, groups: ReadonlyMap<string, readonly string[]>, where: string): Rule {
  const fields = parseObject(rule, where)
  refuseOthers(Object.fromEntries(Object.entries(fields).filter(([key]) => !RULE_KEYS.includes(key))), where)
  const who = parseTexts(fields.who, `who of ${where}`)
  const names = who
    .filter(each => each !== EVERYBODY)
    .flatMap(each => (each.startsWith('@') ? groupOf(groups, each.slice(1), where) : parseNames([each], where)))
  return {
    who: new Set(names),
    everybody: who.includes(EVERYBODY),
    may: new Set(parseActions(fields.may, where)),
    where: fields.where === undefined ? ['**'] : parseTexts(fields.where, `where of ${where}`),
    maxSize: parseBytes(fields.maxSize, where)
  }
}

function groupOf(groups: ReadonlyMap<string, readonly string[]>, name: string, where: string): readonly string[] {
  const members = groups.get(name)
  if (members === undefined) throw wrong(`${where} names the group ${JSON.stringify(name)}, which is not there`)
  return members
}

function parseActions(may: unknown, where: string): Action[] {
  return (Array.isArray(may) ? may : [may]).map(each => {
    const action = ACTIONS.find(known => known === each)
    if (action === undefined) throw wrong(`may of ${where} is get, send or message, or a list of them`)
    return action
  })
}

function parseBytes(size: unknown, where: string): number {
  if (size === undefined) return Number.POSITIVE_INFINITY
  const [, digits = '', unit = ''] = /^(\d{1,15})([KMGT]?)$/.exec(String(size)) ?? []
  const bytes = Number(digits) * 1024 ** ' KMGT'.indexOf(unit || ' ')
  if (digits !== '' && Number.isSafeInteger(bytes)) return bytes
  throw wrong(`maxSize of ${where} is a number of bytes, or with K, M, G or T`)
}

function parseNames(names: unknown, where: string): string[] {
  const all = parseTexts(names, where)
  const other = all.find(name => !isUserName(name))
  if (other !== undefined) throw wrong(`${where} has ${JSON.stringify(other)}, which is no user name`)
  return all
}

function parseTexts(texts: unknown, where: string): string[] {
  if (Array.isArray(texts) && texts.length > 0 && texts.every(each => typeof each === 'string' && each !== ''))
    return texts
  throw wrong(`${where} is a list of texts`)
}

function parseObject(value: unknown, where: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw wrong(`${where} is no object`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new SftError('ERR_SFT_USAGE', `the policy is no JSON: ${(cause as Error).message}`, { cause })
  }
}

function refuseOthers(others: Record<string, unknown>, where: string): void {
  const [other] = Object.keys(others)
  if (other !== undefined) throw wrong(`${where} has ${JSON.stringify(other)}, which means nothing`)
}

function wrong(message: string): SftError {
  return new SftError('ERR_SFT_USAGE', message)
}
