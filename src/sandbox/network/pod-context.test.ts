import { describe, expect, it } from 'vitest'
import { mappedPath, resolveName, type PodContext } from './pod-context.ts'

const context: PodContext = {
  address: '127.244.0.2',
  hostname: 'web-1',
  namespace: 'prod',
  namesFile: '/s/names.json',
  root: '/tmp/sandbox',
  mounts: [
    ['/etc/config', '/tmp/sandbox/a'],
    ['/etc/config/deep', '/tmp/sandbox/b'],
    ['/tmp', '/tmp/sandbox/c'],
  ],
}

describe('a path in a container', () => {
  it.each([
    ['/etc/config', '/tmp/sandbox/a'],
    ['/etc/config/x/y', '/tmp/sandbox/a/x/y'],
    ['/etc/config/deep/x', '/tmp/sandbox/b/x'],
    ['/etc/configure', '/etc/configure'],
    ['/tmp/x', '/tmp/sandbox/c/x'],
    ['/tmp/sandbox/a/x', '/tmp/sandbox/a/x'],
    ['relative/x', 'relative/x'],
  ])('%s is %s', (path, expected) => expect(mappedPath(context, path)).toBe(expected))
})

describe('a name in a pod', () => {
  const names = { 'db.prod': ['127.96.0.2'], 'api.test': ['127.96.0.3'], 'empty.prod': [], 'peers.prod': ['127.244.0.3', '127.244.0.4'] }
  it.each([
    ['db', ['127.96.0.2']],
    ['db.prod', ['127.96.0.2']],
    ['db.prod.svc', ['127.96.0.2']],
    ['DB.prod.svc.cluster.local.', ['127.96.0.2']],
    ['api.test.svc', ['127.96.0.3']],
    ['peers', ['127.244.0.3', '127.244.0.4']],
    ['web-1', ['127.244.0.2']],
    ['empty', 'absent'],
    ['nope.prod.svc', 'absent'],
    ['api', 'elsewhere'],
    ['example.com', 'elsewhere'],
    ['a.b.c', 'elsewhere'],
    ['localhost', 'elsewhere'],
    ['svc.cluster.local', 'elsewhere'],
  ] as const)('%s is %s', (name, expected) => expect(resolveName(name, context, names)).toEqual(expected))
})
