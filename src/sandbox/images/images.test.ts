import { describe, expect, it } from 'vitest'
import { parseImage, resolveImage } from './images.ts'

const images = { node: '/n', programs: { kinglet: '/k.js', podinfo: '/p.js', loadClient: '/l.ts' } }
const argv = (image: string, command: readonly string[] = [], args: readonly string[] = []) => {
  const resolved = resolveImage(images, { image, command, args })
  return resolved.ok ? resolved.value.argv : resolved.error
}

describe('an image', () => {
  it.each([
    ['podinfo', { name: 'podinfo', tag: 'latest' }],
    ['ghcr.io/stefanprodan/podinfo:6.9.2', { name: 'podinfo', tag: '6.9.2' }],
    ['localhost:5000/kinglet:dev@sha256:0a', { name: 'kinglet', tag: 'dev' }],
  ])('%s has its name and tag', (image, expected) => expect(parseImage(image)).toEqual(expected))

  it.each([
    { image: 'kinglet:dev', command: [], args: ['proxy', '--x'], expected: ['/n', '/k.js', 'proxy', '--x'] },
    { image: 'kinglet:dev', command: ['/app/dist/kinglet-proxy'], args: ['proxy'], expected: ['/n', '/k.js', 'proxy'] },
    { image: 'ghcr.io/any/kinglet:1', command: ['kinglet', 'webhook'], args: [], expected: ['/n', '/k.js', 'webhook'] },
    { image: 'kinglet:dev', command: ['node', '/app/dist/kinglet.js'], args: ['controller'], expected: ['/n', '/k.js', 'controller'] },
    { image: 'stefanprodan/podinfo:6', command: ['./podinfo', '--port=1'], args: ['--level=debug'], expected: ['/n', '/p.js', '--port=1', '--level=debug'] },
    { image: 'stefanprodan/podinfo:6', command: ['podcli', 'check', 'http', 'localhost:1/healthz'], args: [], expected: ['/n', '/p.js', 'podcli', 'check', 'http', 'localhost:1/healthz'] },
    { image: 'kinglet-e2e-client:1', command: [], args: ['--url', 'x'], expected: ['/n', '/l.ts', '--url', 'x'] },
    { image: 'whatever:2', command: ['/usr/bin/node', 'a.js'], args: ['b'], expected: ['/n', 'a.js', 'b'] },
  ])('$image with $command $args runs $expected', ({ image, command, args, expected }) => expect(argv(image, command, args)).toEqual(expected))

  it('that is unknown is refused with those that are there', () => expect(argv('nginx:1')).toMatch(/does not know "nginx:1"; it has kinglet.*podinfo.*node/))
})
