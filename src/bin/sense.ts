/** Options that make no sense together: what is said of the first rule that applies. */

export type Rule = readonly [applies: boolean, message: string, hint?: string]

/** Whether any of these was given. */
export function given(...values: readonly unknown[]): boolean {
  return values.some(value => value !== undefined)
}

/** @throws SftError ERR_SFT_USAGE */
export async function requireSense(rules: readonly Rule[]): Promise<void> {
  const broken = rules.find(([applies]) => applies)
  if (!broken) return
  const [, message, hint] = broken
  const { SftError } = await import('../index.ts')
  throw new SftError('ERR_SFT_USAGE', message, hint === undefined ? {} : { hint })
}
