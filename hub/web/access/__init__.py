"""Who may: people with roles, their sessions, and the trail 审计链 of what they did. Programs come with tokens (hub.web.tokens).

A page or call of the web for people is made by `Access`, which hangs in `Front.access`:

    access.page("/desk", show_desk, DISPATCHING)                    # GET; who is not logged in is sent to /login and comes back
    access.call("POST", "/desk/assign", assign, DISPATCHING)        # 401 and 403 as problem JSON; asks for X-CSRF-Token

    async def assign(request: Request, session: WebSession) -> Response:
        body = await body_of(request, MOST_BYTES)                   # bounded, as everywhere
        act = AuditedAct("case.assign", case_id, before={"department": "roads"}, after={"department": "water"})
        async with access.acting(session.user.name, [act]):      # in the trail before it is done; that it failed, too
            await front.intake.put(records)
        return json_answer({...}, 202)

- `roles` is a set of `Role`: whoever has one of them may. Sets that are often meant stand in `accounts`: EVERYBODY, OVERVIEW,
  DISPATCHING, OPERATING. Whoever has `Role.DEPARTMENT` alone sees the cases of `session.user.department` and no other: the handler
  sees to that.
- `session.csrf` goes into the page (`<meta name="csrf" content="…">`) and comes back as the header `X-CSRF-Token` of each call that
  is no GET. A form that is posted without a script bears it as the field `csrf` (`guard.require_csrf`).
- A handler that streams asks `access.is_alive(session)` every few seconds and ends the stream when it says no: sessions can be
  revoked.
- Every route of the web is a `GuardedRoute` and says who may (`may`); `tests/unit/web/access/test_refused.py` walks them all, with
  every role, so a route without a declared right fails there. Files of pages that anybody may have, as styles and scripts:
  `GuardedRoute(path, handler, may=OpenTo.BROWSERS)`.
- `headers.SecurityHeaders` puts headers on every answer (CSP `default-src 'self'`: no inline script or style).
- Tests: `MemoryWeb.logged_in(Role.DISPATCHER)` gives the headers of somebody who has a session.
"""
