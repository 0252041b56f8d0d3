// Builds the optional native AEAD after `npm ci`. npm may run this with an older Node, so it is plain JavaScript without static
// imports; without a compiler, or headers, or a Node that sft runs on, it does nothing: sft works without the addon.
const [major, minor] = process.versions.node.split('.').map(Number)
if (major > 24 || (major === 24 && minor >= 7)) {
  import('../src/workers/native/build.ts').then(({ buildNative }) => buildNative())
}
