import { createHash } from 'node:crypto'
import t from 'tap'
import { HashTree } from '../../src/streams/hash-tree.ts'
import { treeHash } from '../vectors/encoder.ts'

/** The entries and roots that Certificate Transparency tests its trees with. */
const ENTRIES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'
]

t.test('the roots of RFC 6962', t => {
  const tree = new HashTree()
  t.equal(tree.root().toString('hex'), createHash('sha256').digest('hex'), 'of nothing')
  for (const [i, entry] of ENTRIES.entries()) {
    tree.add([Buffer.from(entry, 'hex')])
    t.equal(tree.root().toString('hex'), ROOTS[i], `of ${i + 1}`)
    t.equal(tree.leaves, i + 1)
  }
  t.end()
})

t.test('as it is defined, for every size up to 130; in pieces as in one', t => {
  const tree = new HashTree()
  const entries: Buffer[] = []
  const wrong: number[] = []
  for (let size = 1; size <= 130; size++) {
    const entry = Buffer.alloc(size, size)
    entries.push(entry)
    tree.add([entry.subarray(0, 1), entry.subarray(1)])
    if (!tree.root().equals(treeHash(entries))) wrong.push(size)
  }
  t.same(wrong, [])
  t.end()
})
