/** ms of work after which a transfer is no small one. */
const START_MS = 50

/**
 * Keeps V8's young generation at the size that it has when a transfer is under way: a transfer leaves only small short-lived objects, and a young generation that
 * grows would be memory for nothing. Not before: while modules load, what is young survives, and without room it is copied again and again.
 */
export function keepYoungGenerationSmall(): void {
  setTimeout(limit, START_MS).unref()
}

function limit(): void {
  process.getBuiltinModule('node:v8').setFlagsFromString('--semi-space-growth-factor=1')
}
