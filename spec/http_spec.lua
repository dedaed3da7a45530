local cjson = require "cjson"
local http = require "watchbot.http"
local scheduler = require "watchbot.scheduler"
local start = require "support.server".start

-- The interpreter that runs these specs, for separate processes.
local lua = arg[-1]

-- What the server says that it was asked, and the body that it got.
local function told(response)
  local line, body = response.body:match "^([^\n]*)\n(.*)$"
  local asked = cjson.decode(line)
  table.sort(asked.headers)
  return asked, body
end

local function fetch(environment, ...)
  local pipe = assert(io.popen(("env %s %s spec/support/fetch.lua %s"):format(environment, lua,
    table.concat({ ... }, " "))))
  local text = pipe:read "a"
  local ok, _, status = pipe:close()
  assert(ok, ("fetch ended with %s: %s"):format(status, text))
  return text
end

-- Waits for what another process must see; the bound is for machines that are busy.
local function eventually(condition)
  local deadline = scheduler.now() + 60
  while scheduler.now() < deadline do
    if condition() then return true end
    scheduler.sleep(0.02)
  end
  return false
end

-- Waits until the server has closed `count` connections. Asked by another process: a request of
-- this one would find the closed connection before the request that is to find it.
local function wait_until_closed(count, url, environment)
  assert.is_true(eventually(function()
    local closed = fetch(environment or "", url .. "/count"):match '"closed": (%d+)'
    return tonumber(closed) >= count
  end))
end

local function open_sockets()
  local pipe = assert(io.popen "ls -l /proc/self/fd")
  local _, count = pipe:read("a"):gsub("socket:", "")
  pipe:close()
  return count
end

describe("http.request", function()
  local server, url

  local function in_task(body)
    return function() scheduler.run(body) end
  end

  local function get(path, more)
    local request = { url = url .. path }
    for name, value in pairs(more or {}) do request[name] = value end
    return http.request(request)
  end

  local function counted()
    return cjson.decode(get("/count").body)
  end

  setup(function()
    server = start("python3", "spec/support/http_server.py", "127.0.0.1")
    url = server.url
  end)

  teardown(function() server:close() end)

  before_each(in_task(function() get "/count/reset" end))

  describe("sends", function()
    it("GET with Host and nothing else", in_task(function()
      local asked, body = told(assert(get "/echo?a=1&b=%20"))
      assert.are.same({ method = "GET", target = "/echo?a=1&b=%20",
        headers = { "Host: 127.0.0.1:" .. server.port } }, asked)
      assert.are.equal("", body)
    end))

    it("method, headers and body as they are given", in_task(function()
      local asked, body = told(assert(get("/echo", {
        method = "POST",
        headers = {
          ["X-One"] = "a  b, c", ["x-two"] = { "1", "2" }, ["X-Empty"] = "", ["User-Agent"] = "me",
        },
        body = "a\0b\r\n",
      })))
      assert.are.equal("POST", asked.method)
      assert.are.same({
        "Content-Length: 5", "Host: 127.0.0.1:" .. server.port, "User-Agent: me", "X-Empty:",
        "X-One: a  b, c", "x-two: 1",
        "x-two: 2",
      }, asked.headers)
      assert.are.equal("a\0b\r\n", body)
    end))

    it("headers that libcurl would otherwise set", in_task(function()
      local asked = told(assert(get("/echo", {
        method = "PUT", body = "x", headers = {
          Accept = "a/b", ["Content-Type"] = "c/d", Host = "elsewhere",
        },
      })))
      assert.are.same({ "Accept: a/b", "Content-Length: 1", "Content-Type: c/d",
        "Host: elsewhere" }, asked.headers)
    end))

    it("Content-Length: 0 for a method that comes with a body, where there is none",
      in_task(function()
      for method, expected in pairs { POST = 2, PUT = 2, PATCH = 2, GET = 1, DELETE = 1,
        OPTIONS = 1 } do
        local asked = told(assert(get("/echo", { method = method })))
        assert.are.equal(method, asked.method)
        assert.are.equal(expected, #asked.headers, method)
        if expected == 2 then assert.are.equal("Content-Length: 0", asked.headers[1]) end
      end
    end))

    it("HEAD, whose response has no body", in_task(function()
      local response = assert(get("/empty", { method = "HEAD" }))
      assert.are.equal(204, response.status)
      assert.are.equal("", response.body)
    end))

    it("the path untouched, since it may be signed", in_task(function()
      assert.are.equal("/echo/../a//b/./c%2Fd", told(assert(get "/echo/../a//b/./c%2Fd")).target)
    end))

    it("a megabyte and more, there and back", in_task(function()
      local bytes = ("0123456789abcde\0"):rep(200000)
      local _, body = told(assert(get("/echo", { method = "POST", body = bytes })))
      assert.is_true(bytes == body)
    end))

    it("the body of a table that the caller changes meanwhile", in_task(function()
      local request = {
        url = url .. "/read-slowly", method = "POST", body = ("x"):rep(8 * 1024 * 1024),
      }
      local task = scheduler.spawn(http.request, request)
      scheduler.sleep(0.05)
      request.body, request.url = nil, nil
      collectgarbage()
      collectgarbage()
      local ok, response = task:join()
      assert.is_true(ok)
      assert.are.equal(tostring(8 * 1024 * 1024), response.body)
    end))
  end)

  describe("returns", function()
    it("any status, and follows nothing", in_task(function()
      for _, status in ipairs { 200, 302, 404, 500, 503 } do
        local response = assert(get("/status/" .. status))
        assert.are.equal(status, response.status)
        assert.are.equal("status", response.body)
        assert.are.same({ ["content-length"] = "6", location = "/elsewhere", ["x-twice"] = "a, b" },
          response.headers)
      end
    end))

    it("a chunked body with the headers of the final response, without the trailers",
      in_task(function()
      local response = assert(get "/chunked")
      assert.are.equal("one\0two", response.body)
      assert.are.same({ ["transfer-encoding"] = "chunked" }, response.headers)
    end))

    it("a body that ends with the connection", in_task(function()
      assert.are.equal("to the end", assert(get "/until-closed").body)
    end))

    it("a body of exactly the limit, and none that is larger", in_task(function()
      assert.are.equal("slow", assert(get("/slow", { limit = 4 })).body)
      local _, err, code = get("/slow", { limit = 3 })
      assert.are.equal("TooLarge", code)
      assert.are.equal(("incomplete response from %s: the body passed the limit of 3 bytes"):format(
        url), err)
      assert.are.equal("", assert(get("/empty", { limit = 0 })).body)
    end))
  end)

  describe("tells failures apart", function()
    local function fails(path, expected_code, expected_why)
      local response, err, code = get(path .. "?signature=secret")
      assert.is_nil(response)
      assert.are.equal(expected_code, code)
      assert.are.equal(expected_why:format(url), err)
      assert.is_nil(http.unsent[code])
    end

    it("after the request was sent", in_task(function()
      fails("/nothing", "ConnectionLost", "incomplete response from %s: the connection was lost")
      fails("/reset", "ConnectionLost", "incomplete response from %s: the connection was lost")
      fails("/only-continue", "ConnectionLost",
        "incomplete response from %s: the connection was lost")
      fails("/truncated", "Truncated",
        "incomplete response from %s: the connection was lost before its end")
      fails("/truncated-chunked", "Truncated",
        "incomplete response from %s: the connection was lost before its end")
      fails("/garbage", "BadResponse", "invalid HTTP response from %s")
      fails("/huge", "TooLarge",
        "incomplete response from %s: the body passed the limit of 16777216 bytes")
      fails("/huge-headers", "TooLarge",
        "incomplete response from %s: the headers passed the limit of 262144 bytes")
    end))

    -- libcurl reports success, with whatever it has, when a server closes in the middle of the
    -- headers: an empty answer to a receive would have looked like an empty queue.
    it("also in the middle of the headers", in_task(function()
      fails("/truncated-headers", "Truncated",
        "incomplete response from %s: the connection was lost before its end")
    end))

    it("when an answer does not come in time, or not to its end", in_task(function()
      for _, path in ipairs { "/never", "/dripping" } do
        local _, err, code = get(path, { timeout = 0.2 })
        assert.are.equal("Timeout", code)
        assert.matches("^incomplete response from .*: timed out after 0.2 s, with %d+ bytes of "
          .. "the body$", err)
      end
      assert.is_nil(http.unsent.Timeout)
    end))

    local function unsent(request, expected_code, expected_message)
      local response, err, code = http.request(request)
      assert.is_nil(response)
      assert.are.equal(expected_code, code)
      assert.matches(expected_message, err)
      assert.is_true(http.unsent[code])
      assert.is_nil(err:find "secret")
    end

    it("when nothing listens", in_task(function()
      local gone = start("python3", "spec/support/http_server.py", "127.0.0.1")
      gone:close()
      unsent({ url = gone.url .. "/secret?secret" }, "ConnectFailed",
        "^could not reach http://127.0.0.1:%d+: connection refused$")
    end))

    it("when there is no such host", in_task(function()
      unsent({ url = "http://no-such-host.invalid/secret" }, "ResolveFailed",
        "^could not reach http://no%-such%-host.invalid: could not resolve the host name$")
    end))

    it("when the connection is not made in time, TLS included", in_task(function()
      unsent({ url = "https://127.0.0.1:" .. server.port .. "/secret", connect_timeout = 0.2 },
      "ConnectTimeout",
        "^could not reach https://127.0.0.1:%d+: no connection within 0.2 s$")
    end))

    it("when the URL cannot be used", in_task(function()
      unsent({ url = "ftp://host/secret" }, "BadUrl",
        "^cannot use the URL of the request: unsupported URL scheme$")
      unsent({ url = "file:///etc/hostname" }, "BadUrl", "cannot use")
      unsent({ url = "http://secret:secret@host/" }, "BadUrl",
        "it has a user name in it; send a header instead")
      unsent({ url = "http://host:secret/" }, "BadUrl", "cannot use")
      unsent({ url = "secret" }, "BadUrl", "cannot use")
      unsent({ url = "" }, "BadUrl", "cannot use")
    end))
  end)

  describe("raises", function()
    local function raises(request, expected)
      local ok, err = pcall(http.request, request)
      assert.is_false(ok)
      assert.matches(expected, err)
      assert.is_nil(tostring(err):find "secret")
    end

    it("for a request that the caller got wrong", in_task(function()
      raises({}, "'url' is missing")
      raises("http://host", "expected a table, got a string")
      raises({ url = url, timout = 3 }, "unknown field 'timout'; did you mean 'timeout'%?")
      raises({ url = 7 }, "'url' must be a string, not a number")
      raises({ url = "http://host/\0secret" }, "'url' has a NUL in it")
      raises({ url = url, method = "GET / HTTP/1.1\r\n" }, "'method' must be capital letters")
      raises({ url = url, method = "" }, "'method' must be capital letters")
      raises({ url = url, method = "HEAD", body = "" }, "HEAD cannot have a body")
      raises({ url = url, body = 7 }, "'body' must be a string, not a number")
      raises({ url = url, timeout = 0 }, "'timeout' must be a number of seconds above 0, not 0")
      raises({ url = url, connect_timeout = 0 / 0 },
        "'connect_timeout' must be a number of seconds above 0")
      raises({ url = url, limit = -1 }, "'limit' must be an integer of at least 0")
      raises({ url = url, limit = 1.5 }, "'limit' must be an integer of at least 0")
      raises({ url = url, headers = "secret" }, "'headers' must be a table, not a string")
      raises({ url = url, headers = { "secret" } }, "the name of a header must be a string")
      raises({ url = url, headers = { ["a b"] = "secret" } }, "'a b' cannot name a header")
      raises({ url = url, headers = { a = 7 } },
        "the header 'a' must be a string or a list of strings, not a number")
      raises({ url = url, headers = { a = { {} } } },
        "the header 'a' must be a string or a list of strings, not a table")
      raises({ url = url, headers = { a = "x\r\nsecret: y" } },
        "the header 'a' has a line break or a NUL in it")
      raises({ url = url, headers = { a = "x\0secret" } },
        "the header 'a' has a line break or a NUL in it")
      raises({ url = url, headers = { ["content-length"] = "3" } },
        "'content%-length' is made from the body, leave it out")
    end))

    it("outside of a task", function()
      raises({ url = url .. "/echo" }, "waiting works only inside a task")
    end)
  end)

  describe("connections", function()
    it("are kept and used again", in_task(function()
      for _ = 1, 10 do assert(get "/echo") end
      assert.are.equal(0, counted().connections) -- the one that /count/reset was asked on
    end))

    it("are as many as the requests at the same time, and kept too", in_task(function()
      for _ = 1, 3 do
        local tasks = {}
        for index = 1, 40 do tasks[index] = scheduler.spawn(get, "/slow") end
        for _, task in ipairs(tasks) do
          local ok, response = task:join()
          assert.is_true(ok)
          assert.are.equal("slow", response.body)
        end
      end
      assert.is_true(counted().connections <= 40)
    end))

    it("are not passed on to child processes", in_task(function()
      assert(get "/echo")
      local before = open_sockets()
      local tasks = {}
      for index = 1, 3 do tasks[index] = scheduler.spawn(get, "/slow") end
      scheduler.sleep(0.1)
      assert.are.equal(before, open_sockets())
      for _, task in ipairs(tasks) do task:join() end
    end))

    it("that are kept do not keep the loop from being idle", function()
      local ok, err = pcall(scheduler.run, function()
        assert(get "/echo")
        scheduler.event():wait()
      end)
      assert.is_false(ok)
      assert.matches("every task waits", err)
    end)
  end)

  describe("a kept connection that the server has closed", function()
    it("is replaced silently", in_task(function()
      for _, method in ipairs { "GET", "POST" } do
        get "/count/reset"
        assert.are.equal("closing", assert(get "/closing").body)
        wait_until_closed(1, url)
        assert.are.equal(method, told(assert(get("/echo", { method = method }))).method)
      end
    end))

    -- libcurl sends any request again when a kept connection dies before an answer, up to five
    -- times. The server may have read it and done what it says before it died: a task would have
    -- been started twice, a notification sent twice.
    it("while it read a POST leaves the POST unrepeated", in_task(function()
      assert(get "/once")
      local _, err, code = get("/echo", { method = "POST", body = "{}" })
      assert.are.equal("ConnectionLost", code)
      assert.are.equal(("incomplete response from %s: the connection was lost"):format(url),
        err)
      assert.are.same({ "GET /once", "POST /echo" }, counted().requests)
    end))

    it("while it read a request that may be repeated is repeated", in_task(function()
      for _, request in ipairs { { method = "GET" },
        { method = "POST", body = "x", idempotent = true } } do
        get "/count/reset"
        assert(get "/once")
        assert.are.equal(request.body or "", (select(2, told(assert(get("/echo", request))))))
        assert.are.same({ "GET /once", request.method .. " /echo", request.method .. " /echo" },
          counted().requests)
      end
    end))
  end)

  describe("cancelling the task", function()
    it("ends the transfer at once", in_task(function()
      local tasks = {}
      for index = 1, 5 do tasks[index] = scheduler.spawn(get, "/never") end
      assert.is_true(eventually(function() return counted().waiting == 5 end))
      for _, task in ipairs(tasks) do
        task:cancel "enough"
        assert.are.same({ false, "enough" }, { task:join() })
      end
      assert.is_true(eventually(function() return counted().waiting == 0 end))
    end))

    it("works before anything was sent, and in the middle of an answer", in_task(function()
      for _, path in ipairs { "/echo", "/dripping", "/huge" } do
        for _, delay in ipairs { 0, 0.001, 0.05 } do
          local task = scheduler.spawn(get, path, { limit = 1 << 30 })
          scheduler.sleep(delay)
          if task:cancel "enough" then assert.are.same({ false, "enough" }, { task:join() }) end
        end
      end
      local lost = scheduler.spawn(http.request, { url = "http://no-such-host.invalid/" })
      scheduler.sleep(0)
      scheduler.sleep(0)
      lost:cancel "enough"
      assert.are.same({ false, "enough" }, { lost:join() })
      assert(get "/echo")
    end))

    it("can be caught, and the task asks again", in_task(function()
      local task = scheduler.spawn(function()
        local ok, reason = pcall(get, "/never")
        return ok, reason, get("/empty").status
      end)
      scheduler.sleep(0.02)
      task:cancel "enough"
      assert.are.same({ true, false, "enough", 204 }, { task:join() })
    end))
  end)

  it("frees what it read, when it was too much and when it was taken", in_task(function()
    local function resident()
      local file <close> = assert(io.open "/proc/self/statm")
      return tonumber(file:read("a"):match "^%d+ (%d+)") * 4096
    end
    local function several()
      for _ = 1, 10 do
        assert.are.equal("TooLarge", (select(3, get("/huge", { limit = 8 * 1024 * 1024 }))))
      end
      collectgarbage()
    end
    several()
    local before = resident()
    for _ = 1, 3 do several() end
    assert.is_true(resident() - before < 64 * 1024 * 1024)
  end))

  it("leaves nothing behind when the state is closed in the middle", function()
    local leaks = "ASAN_OPTIONS=detect_leaks=1:intercept_tls_get_addr=0"
    assert.are.equal("", fetch(leaks, "--leave", url .. "/never"))
  end)

  describe("TLS", function()
    local folder, secure, certificate

    setup(function()
      folder = os.tmpname()
      os.remove(folder)
      certificate = folder .. "/certificate"
      assert(os.execute(([[mkdir %s && openssl req -x509 -newkey ec \
        -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -days 2 -keyout %s/key -out %s -subj /CN=test \
        -addext subjectAltName=IP:127.0.0.1 2>%s/errors]])
        :format(folder, folder,
        certificate, folder)))
      secure = start("python3", "spec/support/http_server.py", "127.0.0.1", certificate,
        folder .. "/key")
      secure.url = secure.url:gsub("^http", "https")
    end)

    teardown(function()
      secure:close()
      os.execute("rm -r " .. folder)
    end)

    it("refuses a certificate that nobody vouches for", in_task(function()
      local response, err, code = http.request { url = secure.url .. "/echo?secret" }
      assert.is_nil(response)
      assert.are.equal("TlsFailed", code)
      assert.is_true(http.unsent[code])
      assert.are.equal(
        ("could not reach %s: SSL certificate problem: self-signed certificate"):format(
          secure.url), err)
    end))

    it("accepts one that the CA file holds, and keeps its connections", in_task(function()
      for _ = 1, 3 do
        assert.are.equal(200,
          assert(http.request { url = secure.url .. "/echo", ca_file = certificate }).status)
      end
      local response = assert(http.request { url = secure.url .. "/count", ca_file = certificate })
      assert.are.equal(1, cjson.decode(response.body).open)
    end))

    it("does not use a connection of somebody who trusted more", in_task(function()
      assert(http.request { url = secure.url .. "/echo", ca_file = certificate })
      assert.are.equal("TlsFailed", (select(3, http.request { url = secure.url .. "/echo" })))
    end))

    it("refuses a certificate for another name", in_task(function()
      local _, err, code = http.request {
        url = "https://localhost:" .. secure.port, ca_file = certificate,
      }
      assert.are.equal("TlsFailed", code)
      assert.matches("^could not reach https://localhost:%d+: SSL: no alternative certificate "
        .. "subject name", err)
    end))

    it("says so when there is no such CA file", in_task(function()
      local _, err, code = http.request { url = secure.url, ca_file = folder .. "/none" }
      assert.are.equal("TlsFailed", code)
      assert.is_truthy(err:find(folder .. "/none", 1, true))
    end))

    -- The last bytes of a TLS connection (close_notify) were still unread, so libcurl took it for
    -- alive, sent the request on it, and lost it.
    it("replaces a kept connection that the server has closed, silently", in_task(function()
      for _ = 1, 3 do
        assert(http.request { url = secure.url .. "/count/reset", ca_file = certificate })
        assert.are.equal("closing",
          assert(http.request { url = secure.url .. "/closing", ca_file = certificate }).body)
        wait_until_closed(1, secure.url, "AWS_CA_BUNDLE=" .. certificate)
        assert(http.request {
          url = secure.url .. "/echo", method = "POST", body = "{}", ca_file = certificate,
        })
      end
    end))

    it("takes the CA file from AWS_CA_BUNDLE, then SSL_CERT_FILE", function()
      local target = secure.url .. "/status/200"
      assert.are.equal("200\tstatus\n", fetch("AWS_CA_BUNDLE=" .. certificate, target))
      assert.are.equal("200\tstatus\n",
        fetch("AWS_CA_BUNDLE= SSL_CERT_FILE=" .. certificate, target))
      assert.matches("^TlsFailed\t",
        fetch("AWS_CA_BUNDLE=/etc/hostname SSL_CERT_FILE=" .. certificate, target))
      assert.matches("^TlsFailed\t", fetch("AWS_CA_BUNDLE= SSL_CERT_FILE=", target))
    end)

    it("goes through a proxy by a tunnel, and asks the server for its certificate there", function()
      local target, proxy = secure.url .. "/status/200", "https_proxy=" .. url
      assert.are.equal("200\tstatus\n", fetch(proxy .. " AWS_CA_BUNDLE=" .. certificate, target))
      assert.matches("^TlsFailed\t", fetch(proxy, target))
      scheduler.run(function()
        local connect = ("CONNECT 127.0.0.1:%d"):format(secure.port)
        assert.are.same({ connect, connect }, counted().requests)
      end)
    end)
  end)

  describe("a proxy of the environment", function()
    it("is asked with the whole URL", function()
      local text = fetch("http_proxy=" .. url, "http://host.invalid/echo?a=1")
      local asked = cjson.decode(text:match "^200\t([^\n]+)")
      assert.are.same({ method = "GET", target = "http://host.invalid/echo?a=1",
        headers = { "Host: host.invalid" } }, asked)
    end)

    it("is left out where no_proxy, NO_PROXY or the request says so", function()
      local dead = "http_proxy=http://127.0.0.1:1 "
      assert.matches("^ConnectFailed\tcould not reach .*: connection refused %(through the proxy "
        .. "that http_proxy names%)\n$",
        fetch(dead, url .. "/status/200"))
      assert.are.equal("200\tstatus\n", fetch(dead .. "no_proxy=127.0.0.1", url .. "/status/200"))
      assert.are.equal("200\tstatus\n",
        fetch(dead .. "NO_PROXY=127.0.0.1,elsewhere", url .. "/status/200"))
      assert.are.equal("200\tstatus\n", fetch(dead, url .. "/status/200", "direct"))
    end)

    it("that cannot make the tunnel has sent nothing", function()
      local text = fetch("https_proxy=" .. url, "https://127.0.0.1:1/secret")
      assert.matches("^ConnectFailed\tcould not reach https://127.0.0.1:1: ", text)
    end)

    -- A fault of the proxy was reported as one of the endpoint.
    it("is named when it refuses, or is not there", function()
      local secret = "user:secret@"
      for variable, value in pairs {
        https_proxy = secret .. "127.0.0.1:1", HTTPS_PROXY = "http://" .. secret .. "127.0.0.1:1",
        all_proxy = "http://127.0.0.1:1", ALL_PROXY = "socks5h://" .. secret .. "127.0.0.1:1",
      } do
        local text = fetch(variable .. "=" .. value, "https://127.0.0.1:2/secret")
        assert.matches("^%w+\tcould not reach https://127.0.0.1:2: .* %(through the proxy that "
        .. variable .. " names%)\n$",
          text)
      end
      assert.are.equal("ConnectFailed\tcould not reach https://127.0.0.1:1: the proxy that "
        .. "https_proxy names refused: "
        .. "HTTP status 502\n", fetch("https_proxy=" .. url, "https://127.0.0.1:1/secret"))
      assert.are.equal("ConnectFailed\tcould not reach https://host.invalid:407: the proxy that "
        .. "https_proxy names refused: "
        .. "HTTP status 407\n", fetch("https_proxy=" .. url, "https://host.invalid:407/secret"))
      assert.are.equal("ResolveFailed\tcould not reach https://127.0.0.1:1: could not resolve the "
        .. "name of the proxy that "
        .. "https_proxy names\n",
          fetch("https_proxy=http://no-such-host.invalid:1", "https://127.0.0.1:1/secret"))
    end)

    it("is not named where the host is reached without it", function()
      for _, without in ipairs { "no_proxy='*'", "no_proxy=127.0.0.1", "NO_PROXY='x, .0.0.1'",
        "https_proxy=" } do
        assert.are.equal("ConnectFailed\tcould not reach https://127.0.0.1:1: connection refused\n",
          fetch("all_proxy=http://127.0.0.1:2 " .. without, "https://127.0.0.1:1/"))
      end
      assert.are.equal("ConnectFailed\tcould not reach https://127.0.0.1:1: connection refused\n",
        fetch("all_proxy=http://127.0.0.1:2", "https://127.0.0.1:1/", "direct"))
    end)

    it("does not show its password when it cannot be used", function()
      local text = fetch("http_proxy=gopher://user:secret@127.0.0.1:1", url .. "/status/200")
      assert.are.equal(("ConnectFailed\tcould not reach %s: the proxy that http_proxy names "
        .. "cannot be used\n"):format(url),
        text)
    end)
  end)

  -- A look-up without an answer takes glibc ten seconds and more, and libcurl used to wait for
  -- its thread when a transfer was taken away.
  it("does not hold up the loop while a name is looked up, nor when that is cancelled", function()
    local command = "unshare --mount --net python3 spec/support/hung_resolver.py %s "
      .. "spec/support/unresolved.lua 2>&1"
    local pipe = assert(io.popen(command:format(lua)))
    local text = pipe:read "a"
    local ok, _, status = pipe:close()
    if status == 77 or (not ok and text:find "^unshare") then
      return pending("this needs a root who may unshare: " .. text)
    end
    assert(ok, text)
    local code, worst, cancel = text:match "^(%w+)\t(%S+)\t(%S+)\n$"
    assert.are.equal("ConnectTimeout", code)
    assert.is_true(tonumber(worst) < 8, text)
    assert.is_true(tonumber(cancel) < 8, text)
  end)

  it("says so when there are no file descriptors left", function()
    local seen = {}
    for limit = 5, 16 do
      local text = fetch(("sh -c 'ulimit -n %d; exec \"$@\"' sh"):format(limit),
        url .. "/status/200", "2>&1 || true")
      seen[#seen + 1] = text
    end
    local all = table.concat(seen)
    assert.matches("ConnectFailed\tcould not reach http://127.0.0.1:%d+: too many open files\n",
      all)
    assert.matches("200\tstatus\n", all)
  end)

  it("speaks IPv6", function()
    local six = select(2, pcall(start, "python3", "spec/support/http_server.py", "::1"))
    if type(six) == "string" then return pending "this machine has no IPv6 address ::1" end
    scheduler.run(function()
      local asked = told(assert(http.request { url = ("http://[::1]:%d/echo"):format(six.port) }))
      assert.are.same({ ("Host: [::1]:%d"):format(six.port) }, asked.headers)
    end)
    six:close()
  end)
end)
