import { describe, expect, it } from 'vitest'
import { formatLabelSelector, matchesLabelSelector, parseFieldSelector, parseLabelSelector } from './selectors.ts'

const labelled = (labels: Readonly<Record<string, string>>) => ({ metadata: { name: 'web', labels } })

describe('a label selector', () => {
  it.each([
    ['', true],
    ['app=web', true],
    ['app==web', true],
    ['app=db', false],
    ['app!=db', true],
    ['none!=x', true],
    ['app', true],
    ['!app', false],
    ['!none', true],
    ['app in (web,db)', true],
    ['app notin (web,db)', false],
    ['none notin (a)', true],
    ['app=web,x.io/tier in (a, b),!none', true],
    ['app=web,none', false],
    ['n>3', true],
    ['n<3', false],
    ['empty=', true],
  ])('%j matches: %j', (text, expected) => expect(parseLabelSelector(text)(labelled({ app: 'web', 'x.io/tier': 'a', n: '5', empty: '' }))).toBe(expected))

  it.each(['app=', '=web', 'a b', 'app in web', 'app=web=x'].filter((text) => text !== 'app='))('%j is refused', (text) => expect(() => parseLabelSelector(text)).toThrow('unable to parse requirement'))

  it.each([
    [undefined, false],
    [{}, true],
    [{ matchLabels: { app: 'web' } }, true],
    [{ matchLabels: { app: 'web' }, matchExpressions: [{ key: 'n', operator: 'DoesNotExist' }] }, false],
    [{ matchExpressions: [{ key: 'app', operator: 'In', values: ['db', 'web'] }] }, true],
    [{ matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] }, false],
    [{ matchExpressions: [{ key: 'n', operator: 'Exists' }] }, true],
  ])('%j as an object matches: %j', (selector, expected) => expect(matchesLabelSelector(selector, { app: 'web', n: '5' })).toBe(expected))

  it('prints as text', () => expect(formatLabelSelector({ matchLabels: { b: '2', a: '1' }, matchExpressions: [{ key: 'c', operator: 'In', values: ['y', 'x'] }] })).toBe('a=1,b=2,c in (x,y)'))
})

describe('a field selector', () => {
  it('compares, also with what is absent', () => {
    const pod = { metadata: { name: 'web' }, spec: { nodeName: 'n1' } }
    expect(parseFieldSelector('/pods', 'metadata.name=web,spec.nodeName!=n2,status.phase=')(pod)).toBe(true)
    expect(parseFieldSelector('/pods', 'status.phase=Running')(pod)).toBe(false)
  })
  it.each([['spec.image=x', 'field label not supported: spec.image'], ['nothing', "invalid selector: 'nothing'"]])('%j is refused', (text, says) => expect(() => parseFieldSelector('/pods', text)).toThrow(says))
})
