-- The console as browsers see it, and as those see it who should not: `watchbot console` with a
-- queue file.

local cjson = require "cjson"
local console = require "support.console"
local workshop = require "support.workshop"

local task = workshop.task

local EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"

local function counts(folder)
  local exit, out, problem = workshop.run(folder,
    { "status", "--queue", folder:url(), "--json" })
  assert(exit.code == 0, problem)
  return cjson.decode(out)
end

local function keys_of(page)
  local keys = {}
  for key in page:gmatch 'name="at" value="(%d+)"' do keys[#keys + 1] = key end
  return keys
end

-- The text of a page, without its tags.
local function words(page) return (page:gsub("<[^>]*>", " "):gsub("%s+", " ")) end

describe("the console", function()
  it("prints an address, lets the browser in by it, and shows the queue", task(function(folder)
    workshop.send(folder, { "a", "b" })
    workshop.send(folder, { "c" }, "--delay", "600")
    local visitor <close> = console.start(folder)
    assert.matches("^http://127%.0%.0%.1:%d+/%?token=%x+$", visitor.url)
    local page = visitor:enter():ask("/?token=" .. visitor.token)
    assert.matches('content="0; url=/"', page.body, 1, true)
    workshop.eventually(function()
      return words(visitor:page "/"):find("Waiting 2 .*Running 0 .*Delayed 1 .*Dead letters 0 ")
    end, "the numbers")
  end))

  it("sends what changes, as it changes", task(function(folder)
    workshop.send(folder, { "a" })
    local visitor <close> = console.start(folder)
    visitor:enter()
    local events = workshop.scheduler.spawn(function()
      return visitor:raw { {
        ("GET /events?page=/ HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\n\r\n"):format(
          visitor.headers.Cookie),
        { "pause", 8 }, { "close" },
      } }[1]
    end)
    workshop.scheduler.sleep(1.5)
    workshop.send(folder, { "b", "c" })
    local _, text = events:join()
    assert.matches("Content%-Type: text/event%-stream\r\n", text)
    local _, many = text:gsub("event: regions\ndata: {", "")
    assert.is_true(many >= 2, text)
    assert.matches("Waiting</dt><dd>3<", text, 1, true)
  end))

  it("says what is wrong with a queue, and finds it once it is there", task(function(folder)
    local visitor <close> = console.start(folder)
    visitor:enter()
    workshop.eventually(function()
      return words(visitor:page "/"):find("Nothing can be read: .*jobs%.db")
    end, "the problem")
    workshop.send(folder, { "a" })
    workshop.eventually(function() return words(visitor:page "/"):find("Waiting 1 ") end,
      "the queue")
  end))

  it("shows dead letters, newest first, page by page", task(function(folder)
    local bodies = {}
    for index = 1, 60 do bodies[index] = ("letter-%02d"):format(index) end
    console.kill(folder, bodies, "--subject", "resize")
    local visitor <close> = console.start(folder)
    visitor:enter()
    local page = visitor:page "/dead-letters"
    assert.are.equal(50, #keys_of(page))
    local older = page:match 'href="(/dead%-letters%?[^"]*before=%d+)"':gsub("&amp;", "&")
    local second = visitor:page(older)
    assert.are.equal(10, #keys_of(second))
    assert.is_true(tonumber(keys_of(page)[1]) > tonumber(keys_of(page)[50]))
    assert.is_true(tonumber(keys_of(page)[50]) > tonumber(keys_of(second)[1]))
    page = visitor:page "/dead-letters?match=letter-07"
    assert.are.equal(1, #keys_of(page))
    local one = visitor:page("/dead-letter?queue=1&at=" .. keys_of(page)[1])
    assert.matches("Receives 1 ", words(one))
    assert.matches("letter-07</pre>", one, 1, true)
    assert.matches("No letter matches", visitor:page "/dead-letters?match=nothing", 1, true)
    assert.are.equal(404, visitor:ask("/dead-letter?at=999").status)
  end))

  it("asks before it replays or deletes, and says how many", task(function(folder)
    console.kill(folder, { "one", "two", "three", "four" })
    local visitor <close> = console.start(folder)
    visitor:enter()
    local keys = keys_of(visitor:page "/dead-letters")
    local asked = visitor:post("/dead-letters/confirm",
      { ["do"] = "delete", queue = 1, at = { keys[1], keys[2] } })
    assert.matches("Delete 2 dead letters of jobs%.db%?", words(asked.body))
    assert.are.equal(4, counts(folder).dead)
    local done = visitor:post("/dead-letters/act",
      { ["do"] = "delete", queue = 1, at = { keys[1], keys[2] } })
    assert.are.equal(303, done.status)
    assert.matches("2 messages deleted", words(visitor:page(done.headers.location)))
    done = visitor:post("/dead-letters/act", { ["do"] = "replay", queue = 1, at = { keys[3] } })
    assert.matches("1 message sent back to the queue", words(visitor:page(done.headers.location)))
    local now = counts(folder)
    assert.are.same({ 1, 1 }, { now.dead, now.visible })
    -- Done twice, as by two people: nothing is left to do.
    done = visitor:post("/dead-letters/act", { ["do"] = "replay", queue = 1, at = { keys[3] } })
    assert.matches("0 messages sent back", words(visitor:page(done.headers.location)))
  end))

  -- What was confirmed were those that there were: a letter that comes meanwhile is not deleted
  -- unseen.
  it("does nothing to letters that came after the question", task(function(folder)
    console.kill(folder, { "one", "two", "match-1" })
    local visitor <close> = console.start(folder)
    visitor:enter()
    local asked = visitor:post("/dead-letters/confirm", { ["do"] = "delete-all", queue = 1 })
    assert.matches("Delete 3 dead letters", words(asked.body))
    local bound = asked.body:match 'name="bound" value="(%d+)"'
    console.kill(folder, { "late", "match-late" })
    visitor:post("/dead-letters/act",
      { ["do"] = "delete", queue = 1, bound = bound, match = "match" })
    assert.are.equal(4, counts(folder).dead)
    visitor:post("/dead-letters/act", { ["do"] = "replay", queue = 1, bound = bound })
    local now = counts(folder)
    assert.are.same({ 2, 2 }, { now.dead, now.visible })
  end))

  it("without actions has no buttons, and refuses the forms", task(function(folder)
    console.kill(folder, { "one" })
    local visitor <close> = console.start(folder, { "--read-only" })
    visitor:enter()
    local page = visitor:page "/dead-letters"
    assert.is_nil(page:find("<form method=\"post\"", 1, true))
    assert.matches("Read-only", page, 1, true)
    visitor.stamp = ("0"):rep(64)
    for _, path in ipairs { "/dead-letters/confirm", "/dead-letters/act" } do
      local refused = visitor:post(path, { ["do"] = "delete", bound = "99" })
      assert.are.equal(403, refused.status)
    end
    assert.are.equal(1, counts(folder).dead)
  end))

  it("refuses addresses that other machines reach, and a weak token", task(function(folder)
    local function refused(arguments, more)
      local exit, _, err = workshop.run(folder, { "console", "--queue", folder:url(),
        table.unpack(arguments) }, more)
      assert.are.equal(2, exit.code, err)
      return err
    end
    assert.matches("other machines can reach '0.0.0.0:0': add --allow-host",
      refused { "--listen", "0.0.0.0:0" }, 1, true)
    refused { "--listen", "[::]:0" }
    refused { "--listen", "192.0.2.1:0" }
    refused { "--listen", "nonsense" }
    refused { "word" }
    assert.matches("the console's token must have",
      refused({ "--listen", "127.0.0.1:0" }, { ConsoleToken = "short" }), 1, true)
    local visitor <close> = console.start(folder, { "--allow-host", "console.example" }, {
      ConsoleToken = "a-chosen-token-0123456789",
    })
    assert.are.equal("a-chosen-token-0123456789", visitor.token)
    visitor:enter()
    assert.are.equal(200, visitor:ask("/", { headers = { Host = "console.example" } }).status)
  end))
end)

describe("an attack on the console", function()
  local function with_letter(folder, arguments)
    console.kill(folder, { EVIL }, "--subject", EVIL)
    return console.start(folder, arguments)
  end

  -- Another name that resolves to this machine, as the page of another site can have.
  it("under another name gets nothing", task(function(folder)
    local visitor <close> = with_letter(folder)
    visitor:enter()
    for _, host in ipairs { "evil.example", "evil.example:" .. visitor.port, "127.0.0.1.nip.io",
      "localhost.evil.example" } do
      for _, path in ipairs { "/", "/dead-letters", "/style.css", "/events?page=/",
        "/?token=" .. visitor.token } do
        local refused = visitor:ask(path, { headers = { Host = host } })
        assert.are.equal(421, refused.status, host .. path)
        assert.is_nil(refused.headers["set-cookie"])
      end
    end
  end))

  it("without the token, or with a guess, sees nothing", task(function(folder)
    local visitor <close> = with_letter(folder)
    local guesses = { "", visitor.token:sub(1, -2), visitor.token .. "0", ("0"):rep(64),
      visitor.token:upper() .. "x", "%00" .. visitor.token }
    for _, guess in ipairs(guesses) do
      local refused = visitor:ask("/?token=" .. guess)
      assert.are.equal(401, refused.status, guess)
      assert.is_nil(refused.headers["set-cookie"])
      refused = visitor:ask("/enter", { method = "POST", body = "token=" .. guess,
        headers = { Origin = visitor.origin } })
      assert.are.equal(401, refused.status, guess)
      assert.is_nil(refused.headers["set-cookie"])
    end
    for _, path in ipairs { "/", "/dead-letters", "/dead-letter?at=1", "/events?page=/",
      "/nothing" } do
      for _, cookie in ipairs { false, "watchbot_" .. visitor.port .. "=" .. visitor.token,
        "watchbot_" .. visitor.port .. "=" } do
        local refused = visitor:ask(path, { headers = { Cookie = cookie or nil } })
        assert.are.equal(401, refused.status, path)
        assert.is_nil(refused.body:find("jobs.db", 1, true))
      end
    end
    local entered = visitor:ask("/enter", { method = "POST", body = "token=" .. visitor.token,
      headers = { Origin = visitor.origin } })
    assert.are.equal(303, entered.status)
    assert.matches("HttpOnly; SameSite=Strict", entered.headers["set-cookie"], 1, true)
  end))

  it("by the form of another site, or without the stamp, changes nothing", task(function(folder)
    local visitor <close> = with_letter(folder)
    visitor:enter()
    local fields = { ["do"] = "delete", queue = 1, bound = "99" }
    for _, origin in ipairs { false, "null", "http://evil.example", "http://localhost:1",
      "http://127.0.0.1", "http://localhost:" .. visitor.port } do
      local refused = visitor:post("/dead-letters/act", fields, { Origin = origin })
      assert.are.equal(403, refused.status, tostring(origin))
    end
    for _, stamp in ipairs { "", "0", ("0"):rep(64), visitor.token } do
      fields.stamp = stamp
      assert.are.equal(403, visitor:post("/dead-letters/act", fields).status, stamp)
    end
    fields.stamp = nil
    assert.are.equal(401, visitor:post("/dead-letters/act", fields, { Cookie = false }).status)
    -- A state never changes by GET, nor by other methods.
    for _, method in ipairs { "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE" } do
      local refused = visitor:ask("/dead-letters/act?do=delete&bound=99&stamp=" .. visitor.stamp,
        { method = method })
      assert.are.equal(405, refused.status, method)
    end
    assert.are.equal(1, counts(folder).dead)
    assert.are.equal(403, visitor:ask("/", { headers = { Origin = "http://evil.example" } }).status)
  end))

  it("by the text of a message is shown as text", task(function(folder)
    local visitor <close> = with_letter(folder)
    visitor:enter()
    local key = keys_of(visitor:page "/dead-letters")[1]
    local pages = {
      visitor:page "/dead-letters", visitor:page("/dead-letter?at=" .. key),
      visitor:post("/dead-letters/confirm", { ["do"] = "delete", at = key, queue = 1 }).body,
      visitor:page("/dead-letters?match=%3Cscript%3E"),
      visitor:page("/dead-letters?match=%22%3E%3Cscript%3Ealert(1)%3C/script%3E"),
      visitor:page("/?queue=%3Cscript%3Ealert(1)%3C/script%3E"),
    }
    for index, page in ipairs(pages) do
      local body = page:match "<body.*"
      assert.is_nil(body:find("<script", 1, true), index)
      assert.is_nil(body:find("<img src=x", 1, true), index)
      assert.is_nil(page:find(" onerror=alert(1)>", 1, true), index)
    end
    assert.matches("&lt;script&gt;alert%(1%)&lt;/script&gt;&quot;&#39;&gt;&lt;img", pages[2])
  end))

  it("has no script or style that the page itself does not name", task(function(folder)
    local visitor <close> = with_letter(folder)
    local paths = { "/", "/dead-letters", "/style.css", "/nothing", "/?token=x" }
    for _, enter in ipairs { false, true } do
      if enter then visitor:enter() end
      for _, path in ipairs(paths) do
        local headers = visitor:ask(path).headers
        local policy = headers["content-security-policy"]
        assert.matches("default-src 'none'; style-src 'self'; script-src 'self'", policy, 1, true)
        assert.matches("frame-ancestors 'none'", policy, 1, true)
        assert.is_nil(policy:find("unsafe", 1, true))
        assert.are.equal("nosniff", headers["x-content-type-options"])
        assert.are.equal("DENY", headers["x-frame-options"])
      end
    end
    for _, path in ipairs { "/", "/dead-letters", "/dead-letter?at=1" } do
      local page = visitor:page(path)
      assert.is_nil(page:find("<style", 1, true))
      assert.is_nil(page:find(" style=", 1, true))
      assert.is_nil(page:find("<script>", 1, true))
      assert.are.equal("no-store", visitor:ask(path).headers["cache-control"])
    end
  end))

  it("by tricks with paths finds no other file or page", task(function(folder)
    local visitor <close> = with_letter(folder)
    visitor:enter()
    for _, path in ipairs { "/../init.lua", "/%2e%2e/init.lua", "/init.lua", "/style.css/", "//",
      "//evil.example/", "/./", "/dead-letters/", "/DEAD-LETTERS", "/dead-letters%00", "/style",
      "/style.css%00.js", "/..", "/script.js/../style.css", "/etc/passwd", "/html.lua" } do
      assert.are.equal(404, visitor:ask(path).status, path)
    end
    assert.are.equal(404, visitor:ask("/dead-letter?at=-1").status)
    assert.are.equal(404, visitor:ask("/dead-letter?at=9223372036854775807").status)
    assert.are.equal(404, visitor:ask("/dead-letter?at=1e9").status)
    assert.are.equal(200, visitor:ask("/dead-letters?queue=99&before=99999999999999999999").status)
    assert.are.equal(404, visitor:ask("/events?page=/etc/passwd").status)
  end))

  it("by what it sends does not write headers", task(function(folder)
    local visitor <close> = with_letter(folder)
    visitor:enter()
    local done = visitor:post("/dead-letters/act", { ["do"] = "replay", at = "1", queue = 1,
      match = "x\r\nSet-Cookie: a=b\r\n\r\n<script>" })
    assert.are.equal(303, done.status)
    assert.is_nil(done.headers["set-cookie"])
    assert.matches("match=x%0D%0ASet-Cookie%3A%20a%3Db", done.headers.location, 1, true)
    assert.matches("^/dead%-letters%?", done.headers.location)
    local got = visitor:raw { {
      "GET /dead-letters?match=a%0d%0aX-Evil:%201 HTTP/1.1\r\nHost: localhost\r\nConnection: close"
        .. "\r\nCookie: " .. visitor.headers.Cookie .. "\r\n\r\n",
    } }
    local head_of_page = got[1]:match "^(.-)\r\n\r\n"
    assert.matches("^HTTP/1.1 200 ", head_of_page)
    assert.is_nil(head_of_page:find("Evil", 1, true))
  end))

  it("by huge, slow or broken requests does not stop the others", task(function(folder)
    local visitor <close> = with_letter(folder)
    visitor:enter()
    local head = "POST /dead-letters/act HTTP/1.1\r\nHost: localhost\r\n"
      .. "Origin: http://localhost\r\nCookie: " .. visitor.headers.Cookie .. "\r\n"
    local slow = {}
    for index = 1, 40 do slow[index] = { "GET / HTTP/1.1\r\nHost: loc", { "reset" } } end
    table.move({
      { ("%sContent-Length: %d\r\nConnection: close\r\n\r\n"):format(head, 1 << 40) .. "x" },
      { head .. "Content-Length: 2097152\r\nConnection: close\r\n\r\n" .. ("a"):rep(2097152) },
      { "GET /" .. ("a"):rep(20000) .. " HTTP/1.1\r\nHost: localhost\r\n\r\n" },
      { "GET / HTTP/1.1\r\nHost: localhost\r\nCookie: " .. ("a=b;"):rep(6000) .. "\r\n\r\n" },
      { "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n" },
      { "\0\1\2\3\r\n\r\n" },
    }, 1, 6, 41, slow)
    local got = visitor:raw(slow)
    local status = {}
    for index = 41, 46 do status[#status + 1] = got[index]:match "^HTTP/1.1 (%d+) " end
    assert.are.same({ "413", "413", "414", "431", "400", "400" }, status)
    local many = visitor:post("/dead-letters/act", { ["do"] = "replay", at = (function()
      local keys = {}
      for index = 1, 20001 do keys[index] = index end
      return keys
    end)() })
    assert.are.equal(400, many.status)
    assert.are.equal(200, visitor:ask("/").status)
    assert.are.equal(1, counts(folder).dead)
  end))

  it("by a user of the same machine is refused before it is read", task(function(folder)
    if not workshop.has_other_user() then return pending "no other user here" end
    local visitor <close> = with_letter(folder)
    local code = ("exec 3<>/dev/tcp/127.0.0.1/%s && printf 'GET %s HTTP/1.1\\r\\nHost: localhost"
      .. "\\r\\nConnection: close\\r\\n\\r\\n' >&3; cat <&3"):format(visitor.port,
      "/?token=" .. visitor.token)
    local function ask(...)
      local argv = { ... }
      table.move({ "bash", "-c", code }, 1, 3, #argv + 1, argv)
      local child = assert(workshop.process.start {
        argv = argv, env = workshop.process.environment(), output = "capture",
      })
      assert(child:wait(workshop.PATIENCE))
      return (child:output())
    end
    assert.matches("^HTTP/1.1 200 ", ask())
    assert.are.equal("", ask("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"))
    workshop.eventually(function()
      local _, err = visitor.child:output()
      return err:find("another user of this machine was refused", 1, true)
    end, "it is reported")
    assert.are.equal(200, visitor:enter():ask("/").status)
  end))
end)
