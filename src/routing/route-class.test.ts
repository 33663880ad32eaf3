import { describe, expect, it } from 'vitest'
import { routeClass } from './route-class.ts'

describe('the class of a request', () => {
  it.each([
    ['GET', '/', 'GET /'],
    ['POST', '/v1/users/8f3a-11/cards?x=1', 'POST /v1/users/{id}/cards'],
    ['GET', '/orders/1234', 'GET /orders/{id}'],
    ['GET', '/users/jane@example.com', 'GET /users/{id}'],
    ['GET', '/reset/eyJhbGciOiJIUzI1NiJ9.e30.x', 'GET /reset/{id}'],
    ['POST', '/shop.v1.Carts/AddItem', 'POST /shop.v1.Carts/AddItem'],
    ['POST', '/helloworld.Greeter/SayHello', 'POST /helloworld.Greeter/SayHello'],
    ['GET', '/a/b/c/d/e/f', 'GET /a/b/c/d/…'],
    ['OPTIONS', '*', 'OPTIONS /'],
    ['GET', '/api/', 'GET /api/'],
  ])('%s %s is %s', (method, target, named) => expect(routeClass(method, target)).toBe(named))

  it('is short, whatever is asked for', () => expect(routeClass('X'.repeat(100), `/${'a'.repeat(40)}`.repeat(100)).length).toBeLessThan(200))
})
