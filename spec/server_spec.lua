local cjson = require "cjson"
local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"
local server = require "watchbot.server"

local BOUND = 60

-- Answers with what was asked, so that the cases can look at it.
local function echo(request)
  if request:over() then return request:answer(413, nil, "too large\n") end
  local words = { request:method(), request:target(), #request:body() }
  for _, trailer in ipairs(request:trailers()) do words[#words + 1] = table.concat(trailer, "=") end
  if request:target() == "/body" then words[#words + 1] = request:body() end
  request:answer(200, { ["Content-Type"] = "text/plain" }, table.concat(words, " "))
end

-- What a server of these options answers to cases of raw bytes: see spec/support/raw_http.py.
local function answers(cases, options, handler, failed)
  local texts
  scheduler.run(function()
    local listening <close> = assert(server.listen(options or {}))
    scheduler.spawn(server.serve, listening, function(request)
      (handler or echo)(request, listening)
    end, failed)
    local address, port = listening:address()
    local child = assert(process.start {
      argv = { "python3", "spec/support/raw_http.py", tostring(port or address) },
      env = process.environment(), stdin = cjson.encode(cases), output = "capture",
      limit = 64 * 1024 * 1024,
    })
    local exit = assert(child:wait(BOUND))
    local out, err = child:output()
    assert.equal(0, exit.code, err)
    texts = cjson.decode(out)
  end)
  return texts
end

local function status_of(text) return tonumber(text:match "^HTTP/1.1 (%d+) ") end

local function body_of(text) return text:match "\r\n\r\n(.*)$" end

local CLOSE = "Host: a\r\nConnection: close\r\n\r\n"

describe("server", function()
  it("answers requests, and says what was asked", function()
    local got = answers {
      { "GET /a?b=c HTTP/1.1\r\n" .. CLOSE },
      { "POST / HTTP/1.1\r\nContent-Length: 5\r\n" .. CLOSE .. "hello" },
      { "GET http://a/b HTTP/1.1\r\n" .. CLOSE },
      { "OPTIONS * HTTP/1.1\r\n" .. CLOSE },
    }
    assert.same({ "GET /a?b=c 0", "POST / 5", "GET http://a/b 0", "OPTIONS * 0" },
      { body_of(got[1]), body_of(got[2]), body_of(got[3]), body_of(got[4]) })
    assert.matches("\r\nContent%-Length: 12\r\n", got[1])
    assert.matches("\r\nDate: %a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT\r\n", got[1])
    assert.matches("\r\nConnection: close\r\n", got[1])
  end)

  -- What two readers could understand in two ways lets a request through that the proxy in front
  -- has not seen (request smuggling). Each is refused, and the connection closed.
  it("refuses what is unclear", function()
    local post = "POST / HTTP/1.1\r\nHost: a\r\n"
    local cases = {
      { 400, "a length and a coding",
        post .. "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
      { 501, "another coding", post .. "Transfer-Encoding: gzip, chunked\r\n\r\n" },
      { 501, "chunked twice",
        post .. "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" },
      { 400, "two lengths", post .. "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello" },
      { 400, "a list of lengths", post .. "Content-Length: 5, 5\r\n\r\nhello" },
      { 400, "a sign", post .. "Content-Length: +3\r\n\r\nabc" },
      { 400, "a negative length", post .. "Content-Length: -1\r\n\r\n" },
      { 400, "hexadecimal", post .. "Content-Length: 0x3\r\n\r\nabc" },
      { 400, "no length", post .. "Content-Length:\r\n\r\n" },
      { 400, "a length of 80 bits", post .. "Content-Length: 1208925819614629174706176\r\n\r\n" },
      { 400, "a blank before the colon", post .. "Content-Length : 3\r\n\r\nabc" },
      { 400, "a folded field", post .. "X: a\r\n b\r\n\r\n" },
      { 400, "a field without a name", post .. ": a\r\n\r\n" },
      { 400, "a field without a colon", post .. "X\r\n\r\n" },
      { 400, "NUL in a field", post .. "X: a\0b\r\n\r\n" },
      { 400, "CR in a field", post .. "X: a\rb\r\n\r\n" },
      { 400, "NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n" },
      { 400, "a bare LF", "GET / HTTP/1.1\nHost: a\r\n\r\n" },
      { 400, "a bare LF behind a field", "GET / HTTP/1.1\r\nHost: a\n\r\n" },
      { 400, "no Host", "GET / HTTP/1.1\r\n\r\n" },
      { 400, "two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n" },
      { 400, "a Host that is none", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n" },
      { 400, "two blanks", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n" },
      { 400, "a tab", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n" },
      { 400, "no version", "GET /\r\nHost: a\r\n\r\n" },
      { 400, "a version in small letters", "GET / http/1.1\r\nHost: a\r\n\r\n" },
      { 400, "no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n" },
      { 400, "a relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n" },
      { 505, "the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" },
      { 417, "an unknown expectation", post .. "Expect: 200-maybe\r\nContent-Length: 1\r\n\r\na" },
      { 400, "a coding in HTTP/1.0",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
      { 400, "a chunk longer than its size",
        post .. "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n" },
      { 400, "a chunk without a size", post .. "Transfer-Encoding: chunked\r\n\r\n;a=b\r\n" },
      { 400, "a chunk size with a sign",
        post .. "Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n" },
      { 400, "a chunk size of 64 bits",
        post .. "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n" },
      { 400, "a bare LF behind a chunk size",
        post .. "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n" },
      { 400, "a long chunk extension",
        post .. "Transfer-Encoding: chunked\r\n\r\n3;" .. ("a"):rep(2000) .. "\r\n" },
      { 400, "a length behind the body",
        post .. "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n" },
      { 400, "empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n" },
      { 414, "a long request line", "GET /" .. ("a"):rep(20000) .. " HTTP/1.1\r\n" .. CLOSE },
      { 431, "a long field", post .. "X: " .. ("a"):rep(20000) .. "\r\n\r\n" },
      { 431, "many fields", post .. ("X: a\r\n"):rep(1001) .. "\r\n" },
    }
    local raw = {}
    for index, case in ipairs(cases) do raw[index] = { case[3] } end
    local got = answers(raw)
    for index, case in ipairs(cases) do
      assert.equal(case[1], status_of(got[index]), case[2] .. ": " .. got[index])
      assert.matches("\r\nConnection: close\r\n", got[index], 1, false, case[2])
      assert.is_nil(got[index]:find("\nHTTP/1.1 ", 1, true), case[2])
    end
  end)

  it("takes bodies in chunks, with extensions and trailers", function()
    local post = "POST /body HTTP/1.1\r\nTransfer-Encoding: Chunked\r\nTrailer: X-A\r\n" .. CLOSE
    local got = answers {
      { post .. "3;a=\"b\"\r\nabc\r\n0A \t;x\r\n0123456789\r\n0\r\nX-A: 1\r\nX-B:  2 \r\n\r\n" },
      { post .. "0\r\n\r\n" },
    }
    assert.equal("POST /body 13 X-A=1 X-B=2 abc0123456789", body_of(got[1]))
    assert.equal("POST /body 0 ", body_of(got[2]))
  end)

  -- A reader that judges by where its reads end accepted an empty first line when CR and LF came
  -- apart.
  it("reads the same when bytes come one at a time", function()
    local texts = {
      "\r\nPOST /body HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" .. CLOSE
        .. "3;x\r\nabc\r\n0\r\nA: b\r\n\r\n",
      "POST /body HTTP/1.1\r\nContent-Length: 3\r\n" .. CLOSE .. "abc",
      "\r\n\r\nGET / HTTP/1.1\r\n" .. CLOSE,
    }
    local cases = {}
    for _, text in ipairs(texts) do
      local steps = {}
      for byte in text:gmatch "." do
        steps[#steps + 1] = byte
        steps[#steps + 1] = { "pause", 0.001 }
      end
      cases[#cases + 1], cases[#cases + 2] = { text }, steps
    end
    local got = answers(cases)
    for index = 1, #cases, 2 do
      assert.equal(status_of(got[index]), status_of(got[index + 1]))
      assert.equal(body_of(got[index]), body_of(got[index + 1]))
    end
    assert.equal(400, status_of(got[5]))
  end)

  it("answers what is sent ahead one after the other", function()
    local got = answers({
      { "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
        .. "GET /3 HTTP/1.1\r\n" .. CLOSE },
    }, nil, function(request)
      if request:target() == "/1" then scheduler.sleep(0.1) end
      request:answer(200, nil, request:target())
    end)
    local order = {}
    for path in got[1]:gmatch "\r\n\r\n(/%d)" do order[#order + 1] = path end
    assert.same({ "/1", "/2", "/3" }, order)
  end)

  it("sends no body to HEAD and with 204", function()
    local got = answers({
      { "HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET /204 HTTP/1.1\r\nHost: a\r\n\r\n"
        .. "GET / HTTP/1.1\r\n" .. CLOSE },
    }, nil, function(request)
      request:answer(request:target() == "/204" and 204 or 200, nil, "hello")
    end)
    local _, count = got[1]:gsub("hello", "")
    assert.equal(1, count)
    assert.matches("^HTTP/1.1 200 OK\r\n.-Content%-Length: 5\r\n", got[1])
  end)

  it("closes behind HTTP/1.0, unless it is asked not to", function()
    local got = answers {
      { "GET /1 HTTP/1.0\r\n\r\n" },
      { "GET /1 HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\n" },
    }
    assert.matches("GET /1 0$", got[1])
    assert.matches("GET /1 0HTTP/1.1 200 OK.*GET /2 0$", got[2])
  end)

  it("asks for a body that a client holds back, unless it is too large", function()
    local got = answers({
      { "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n" .. CLOSE, { "read", 25 },
        "abc" },
      { "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 99\r\n" .. CLOSE },
    }, { body = 10 })
    assert.matches("^HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK", got[1])
    assert.equal(413, status_of(got[2]))
  end)

  -- A reset overtakes the answer to a body that was not read, and the client never sees the 413.
  it("hands a body over the limit out, and lets the client read the 413", function()
    local large = ("x"):rep(4 * 1024 * 1024)
    local got = answers({
      { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " .. #large .. "\r\n\r\n"
        .. "" .. large, { "close" } },
      { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n400000\r\n" .. large
        .. "\r\n0\r\n\r\n", { "close" } },
      { "POST / HTTP/1.1\r\nContent-Length: 1000\r\n" .. CLOSE .. ("x"):rep(1000) },
    }, { body = 1000 })
    assert.same({ 413, 413, 200 }, { status_of(got[1]), status_of(got[2]), status_of(got[3]) })
  end)

  it("answers a client that has closed its side", function()
    local gone
    local got = answers({ { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", { "close" } } }, nil,
      function(request)
        gone = request:wait_gone(BOUND)
        request:answer(200, nil, "late")
      end)
    assert.is_true(gone)
    assert.matches("late$", got[1])
  end)

  it("gives a slow head up, by its whole time", function()
    local got = answers({
      { "GET / HT", { "pause", 0.2 }, "TP/1.1\r\nHo", { "pause", 0.2 }, "st: a\r\n"
        .. "X", { "pause", 0.2 },
        ": b\r\n" },
      { "POST / HTTP/1.1\r\nContent-Length: 9\r\n" .. CLOSE .. "abc" },
      {},
    }, { head_time = 0.3, body_time = 0.3, idle_time = 0.3 })
    assert.same({ 408, 408 }, { status_of(got[1]), status_of(got[2]) })
    assert.equal("", got[3])
  end)

  it("streams an answer in pieces", function()
    local handler = function(request)
      request:begin(200, { ["Content-Type"] = "text/event-stream" })
      for index = 1, 3 do
        assert(request:send(("data: %d\n\n"):format(index)))
        scheduler.sleep(0.01)
      end
      request:finish()
    end
    local got = answers({
      { "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n"
        .. "" .. CLOSE }, { "GET / HTTP/1.0\r\n\r\n" },
    }, nil, handler)
    local _, count = got[1]:gsub("9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n9\r\n"
      .. "data: 3\n\n\r\n0\r\n\r\n", "")
    assert.equal(2, count)
    assert.matches("\r\n\r\ndata: 1\n\ndata: 2\n\ndata: 3\n\n$", got[2])
    assert.is_nil(got[2]:find "chunked")
  end)

  it("notices that the client of a stream has gone, and waits for a slow one", function()
    local err, code, ended
    answers({ { "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
      .. "", { "read", 1000 }, { "pause", 0.1 }, { "reset" } } },
      nil, function(request)
        request:begin(200)
        local ok
        repeat ok, err, code = request:send(("x"):rep(65536)) until not ok
        request:finish()
        ended = true
      end)
    assert.same({ "send: the client has gone", "Gone", true }, { err, code, ended })
  end)

  -- A page that follows events is closed: its connection must not stay for the idle time.
  it("closes the connection of a stream whose client has closed its side", function()
    local started = scheduler.now()
    local got = answers({ { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", { "read", 40 }, { "close" } } },
      { idle_time = 600 }, function(request)
        request:begin(200)
        request:send "data: 1\n\n"
        request:wait_gone(BOUND)
        request:finish()
      end)
    assert.matches("0\r\n\r\n$", got[1])
    assert.is_true(scheduler.now() - started < BOUND)
  end)

  it("answers 500 where the handler raises, and breaks off what nobody answers", function()
    local errors = {}
    local got = answers({
      { "GET /raise HTTP/1.1\r\n" .. CLOSE }, { "GET /forget HTTP/1.1\r\n" .. CLOSE },
    }, nil, function(request)
      if request:target() == "/raise" then error "no" end
      scheduler.spawn(collectgarbage)
    end, function(err) errors[#errors + 1] = err end)
    assert.equal(1, #errors)
    assert.matches("server_spec.lua:%d+: no\nstack traceback", errors[1])
    assert.equal(500, status_of(got[1]))
    assert.equal("", got[2])
  end)

  -- A header's value comes from elsewhere (a trace header): it must not become two headers.
  it("refuses headers with line breaks, and those that are its own", function()
    local errors = {}
    answers({ { "GET / HTTP/1.1\r\n" .. CLOSE } }, nil, function(request)
      for _, headers in ipairs { { X = "a\r\nY: b" }, { ["X:"] = "a" }, { X = 1 }, { Date = "now" },
        { ["content-length"] = "3" }, { "X" }, { X = "a\0" } } do
        local ok, err = pcall(request.answer, request, 200, headers)
        errors[#errors + 1] = not ok and err or "taken"
      end
      assert.has_error(function() request:answer(199) end)
      request:answer(200)
      assert.has_error(function() request:answer(200) end)
    end)
    assert.equal(7, #errors)
    for _, err in ipairs(errors) do assert.matches("answer: .*header", err) end
  end)

  it("closes idle connections for new ones when there are too many", function()
    local got = answers({
      { "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n", { "read", 30 }, { "pause", 0.05 } },
    }, { connections = 1, idle_time = 1 })
    assert.equal(200, status_of(got[1]))
    scheduler.run(function()
      local listening <close> = assert(server.listen { connections = 2 })
      scheduler.spawn(server.serve, listening, echo)
      local _, port = listening:address()
      local child = assert(process.start { env = process.environment(), output = "capture", argv = {
        "python3", "-c", [[
import socket, sys
many = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(500)]
last = many[-1]
last.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
last.settimeout(60)
print(last.recv(12).decode())
]], tostring(port) } })
      assert.equal(0, assert(child:wait(BOUND)).code)
      assert.equal("HTTP/1.1 200\n", (child:output()))
      assert.is_true(listening:connections() <= 2)
    end)
  end)

  it("listens on a Unix socket for this user alone, and replaces one that is left over", function()
    local path = os.tmpname()
    os.remove(path)
    local got = answers({ { "GET / HTTP/1.1\r\n" .. CLOSE } }, { path = path })
    assert.equal(200, status_of(got[1]))
    assert.is_nil(io.open(path))
    scheduler.run(function()
      local first = assert(server.listen { path = path })
      local pipe = assert(io.popen("stat -c %a " .. path))
      assert.equal("600", pipe:read "l")
      pipe:close()
      local second, err, code = server.listen { path = path }
      assert.same({ nil, ("could not listen on '%s': address already in use"):format(path),
        "EADDRINUSE" },
        { second, err, code })
      first:close()
      local left_over = [[python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("%s")']]
      assert(os.execute(left_over:format(path)))
      local third <close> = assert(server.listen { path = path })
      assert.equal(path, (third:address()))
    end)
    local file = assert(io.open(path, "w"))
    file:close()
    local none, _, code = server.listen { path = path }
    assert.same({ nil, "EADDRINUSE" }, { none, code })
    assert(os.remove(path))
  end)

  it("says what it cannot listen on, and names the nearest option", function()
    local none, err, code = server.listen { address = "no address" }
    assert.same({ nil, "could not listen on no address port 0: invalid argument", "EINVAL" },
      { none, err, code })
    assert.error_matches(function() server.listen { prot = 1 } end,
      "listen: unknown option 'prot'; did you mean 'port'%?")
    assert.error_matches(function() server.listen { port = 65536 } end,
      "listen: 'port' must be an integer from 0 to 65535")
  end)

  it("ends: accept says so, connections are closed, quiesce lets what runs finish", function()
    local closed, after
    local got = answers({ { "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
      .. "" } }, nil, function(request, listening)
      listening:quiesce()
      scheduler.sleep(0.05)
      request:answer(200, nil, "done")
    end)
    scheduler.run(function()
      local listening = assert(server.listen {})
      local task = scheduler.spawn(function() closed = { listening:accept() } end)
      local timed = { listening:accept(0.01) }
      assert.same({ nil, "accept: no request within 0.01 s", "Timeout" }, timed)
      listening:close()
      task:join()
      after = { listening:accept() }
    end)
    assert.same({ nil, "accept: the server was closed", "Closed" }, closed)
    -- Who closes it is another task: it raised, where the other had not waited yet.
    assert.same(closed, after)
    assert.matches("done$", got[1])
  end)
end)
