import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { encodeVector } from '../fixtures/vector.ts'
import { VECTORS } from './cases/all.ts'

/** Writes every vector: `node test/vectors/make.ts`. The same bytes in every run, as long as the keys stay. */

const here = new URL('./', import.meta.url)
for (const name of readdirSync(here)) if (name.endsWith('.vector')) rmSync(new URL(name, here))
for (const vector of VECTORS) writeFileSync(new URL(`${vector.name}.vector`, here), encodeVector(vector))
