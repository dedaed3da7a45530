local aws = require "watchbot.core".aws
local cjson = require "cjson"

local VECTORS = "../shared/vectors/sigv4"

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local bytes = file:read "a"
  file:close()
  return bytes
end

-- A request as its file has it: a line, headers that may go on in the next line, an empty line, a
-- body.
local function parse_request(bytes)
  local head, body = bytes:match "^(.-\n)\n(.*)$"
  if not head then head, body = bytes, "" end
  local line, rest = head:match "^([^\n]*)\n?(.*)$"
  local method, target = line:match "^(%u+) (.*) HTTP/1.1$"
  local path, query = target:match "^([^?]*)%??(.*)$"
  local headers, name = {}, nil
  for text in rest:gmatch "[^\n]+" do
    local new, value = text:match "^([^%s:]+):(.*)$"
    name = new or name
    local values = headers[name] or {}
    headers[name] = values
    if new then
      values[#values + 1] = value
    else
      values[#values] = values[#values] .. "\n" .. text
    end
  end
  return { method = method, path = path, query = query, headers = headers, body = body }
end

local function seconds(timestamp)
  local year, month, day, hour, min, sec = timestamp:match "(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)Z"
  local date = {
    year = year, month = month, day = day, hour = hour, min = min, sec = sec, isdst = false,
  }
  local noon = os.time(date)
  return noon + os.difftime(noon, os.time(os.date("!*t", noon)))
end

local function read_vector(folder)
  local context = cjson.decode(read(folder .. "/context.json"))
  local case = { request = parse_request(read(folder .. "/request.txt")) }
  case.credentials = {
    access_key = context.credentials.access_key_id,
    secret_key = context.credentials.secret_access_key,
    token = context.credentials.token,
  }
  case.scope = {
    region = context.region,
    service = context.service,
    time = seconds(context.timestamp),
    expires = context.expiration_in_seconds,
    raw_path = not context.normalize,
    content_sha256 = context.sign_body,
    unsigned_token = context.omit_session_token,
  }
  for _, name in ipairs { "canonical-request", "string-to-sign", "signature", "signed-request" } do
    case["header " .. name] = read(("%s/header-%s.txt"):format(folder, name))
    case["query " .. name] = read(("%s/query-%s.txt"):format(folder, name))
  end
  return case
end

local function vector_names()
  local names = {}
  local listing <close> = assert(io.popen(("ls -d %s/*/ 2>/dev/null"):format(VECTORS)))
  for line in listing:lines() do names[#names + 1] = line:match "([^/]+)/$" end
  return names
end

local function sorted_parameters(query)
  local list = {}
  for parameter in query:gmatch "[^&]+" do list[#list + 1] = parameter end
  table.sort(list)
  return list
end

describe("sigv4", function()
  local request = { method = "POST", path = "/", headers = { Host = "example.com" }, body = "{}" }
  local credentials = { access_key = "AKIDEXAMPLE", secret_key = "secret" }
  local scope = { region = "eu-west-1", service = "sqs", time = 1440938160 }

  describe("on the published cases", function()
    local names = vector_names()
    if #names == 0 then
      pending("they are not on this machine: ../shared/vectors/sigv4 is missing")
      return
    end

    it("has all 38 of them", function() assert.are.equal(38, #names) end)

    for _, name in ipairs(names) do
      it(name .. ", in the header", function()
        local case, signer = read_vector(VECTORS .. "/" .. name), aws.signer()
        local authorization = signer:headers(case.request, case.credentials, case.scope)
        local canonical, to_sign = signer:last()
        assert.are.equal(case["header canonical-request"], canonical)
        assert.are.equal(case["header string-to-sign"], to_sign)
        assert.are.equal(case["header signature"], authorization:match "Signature=(%x+)$")
        assert.are.equal(case["header signed-request"]:match "\nAuthorization:([^\n]*)",
          authorization)
      end)

      it(name .. ", in the query", function()
        local case, signer = read_vector(VECTORS .. "/" .. name), aws.signer()
        local query = signer:query(case.request, case.credentials, case.scope)
        local canonical, to_sign = signer:last()
        assert.are.equal(case["query canonical-request"], canonical)
        assert.are.equal(case["query string-to-sign"], to_sign)
        assert.are.equal(case["query signature"], query:match "X%-Amz%-Signature=(%x+)$")
        if not query:find "%%E1%%88%%B4" then
          local signed = case["query signed-request"]:match "^%u+ [^?]*%?(.-) HTTP/1.1\n"
          assert.are.same(sorted_parameters(signed), sorted_parameters(query))
        end
      end)
    end
  end)

  describe("signs as botocore does:", function()
    for _, case in ipairs(cjson.decode(read "spec/aws/sigv4_cases.json")) do
      it(("%s (%s)"):format(case.name, case.kind), function()
        case.scope.time = math.tointeger(case.scope.time)
        case.scope.expires = math.tointeger(case.scope.expires)
        local signer = aws.signer()
        if case.kind == "query" then
          local query = signer:query(case.request, case.credentials, case.scope)
          assert.are.same(sorted_parameters(case.signed), sorted_parameters(query))
        else
          assert.are.equal(case.signed,
            (signer:headers(case.request, case.credentials, case.scope)))
        end
      end)
    end
  end)

  it("gives the date and the digest of the body that go with the signature", function()
    local _, date, sha256 = aws.signer():headers(request, credentials, scope)
    assert.are.equal("20150830T123600Z", date)
    assert.are.equal("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", sha256)
  end)

  it("forgets the key when the secret, the day, the region or the service is another", function()
    local signer = aws.signer()
    local variants = {
      { credentials, scope },
      { { access_key = "AKIDEXAMPLE", secret_key = "secret2" }, scope },
      { { access_key = "AKIDEXAMPLE", secret_key = "secre" }, scope },
      { credentials, { region = "eu-west-1", service = "sqs", time = 1440938160 + 86400 } },
      { credentials, { region = "eu-west-2", service = "sqs", time = 1440938160 } },
      { credentials, { region = "eu-west-1", service = "sns", time = 1440938160 } },
      { credentials, { region = "eu-west-1s", service = "qs", time = 1440938160 } },
    }
    local seen = {}
    for round = 1, 2 do
      for index, variant in ipairs(variants) do
        local kept = signer:headers(request, table.unpack(variant))
        assert.are.equal(aws.signer():headers(request, table.unpack(variant)), kept)
        assert.are.equal(round == 2 and index or nil, seen[kept])
        seen[kept] = index
      end
    end
  end)

  it("takes headers in any order, with the same result", function()
    local names = {}
    for index = 1, 63 do names[index] = "X-H" .. index end
    local expected
    for _ = 1, 5 do
      local headers = { Host = "example.com" }
      for _, name in ipairs(names) do headers[name] = name:lower() end
      table.insert(names, 1, table.remove(names))
      local signed = aws.signer():headers({ method = "GET", headers = headers }, credentials, scope)
      expected = expected or signed
      assert.are.equal(expected, signed)
    end
  end)

  it("signs large bodies, long queries and bytes of every kind", function()
    local bytes = {}
    for byte = 0, 255 do bytes[#bytes + 1] = string.char(byte) end
    local all = table.concat(bytes)
    local signed = aws.signer():query({
      method = "GET", path = all:rep(40), query = "a=" .. all:gsub("[&=]", ""):rep(40), headers = {
        Host = all,
      },
      body = ("x"):rep(1 << 20),
    }, credentials, { region = "r", service = "s", time = 0, expires = 60 })
    assert.matches("X%-Amz%-Signature=%x+$", signed)
  end)

  describe("raises for the caller's mistakes:", function()
    local function refused(pattern, change)
      local call = {
        request = { method = "POST", path = "/", headers = { Host = "example.com" }, body = "{}" },
        credentials = { access_key = "AKIDEXAMPLE", secret_key = "the secret" },
        scope = { region = "eu-west-1", service = "sqs", time = 0 },
      }
      change(call)
      local ok, err =
        pcall(aws.signer().headers, aws.signer(), call.request, call.credentials, call.scope)
      assert.is_false(ok)
      assert.matches(pattern, err)
      assert.is_nil(err:find("the secret", 1, true))
    end

    it("no method", function()
      refused("'method' is missing", function(c) c.request.method = nil end)
    end)
    it("no headers",
      function() refused("'headers' must be a table", function(c) c.request.headers = nil end) end)
    it("no secret", function()
      refused("'secret_key' is missing", function(c) c.credentials.secret_key = "" end)
    end)
    it("no region", function()
      refused("'region' is missing", function(c) c.scope.region = nil end)
    end)
    it("a number for a body",
      function() refused("'body' must be a string, not a number",
      function(c) c.request.body = 7 end) end)
    it("a number for a header",
      function() refused("a header must be", function(c) c.request.headers.X = 7 end) end)
    it("a list for headers",
      function() refused("a header must be", function(c) c.request.headers = { "a: b" } end) end)
    it("a time that is none",
      function() refused("'time' must be an integer", function(c) c.scope.time = 1.5 end) end)
    it("too many headers", function()
      refused("more than 64 headers", function(c)
        c.request.headers.X = {}
        for index = 1, 64 do c.request.headers.X[index] = "v" end
      end)
    end)
    it("too many parameters", function()
      refused("more than 64 parameters", function(c) c.request.query = ("a=b&"):rep(65) end)
    end)
    it("a closed signer", function()
      local signer = aws.signer()
      signer:close()
      signer:close()
      assert.error_matches(function() signer:headers(request, credentials, scope) end,
        "the signer is closed")
    end)
  end)

  describe("digests", function()
    it("are those of the standards", function()
      -- FIPS 180-4's "abc"; RFC 4231, cases 2 and 6; RFC 1321.
      assert.are.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        aws.sha256 "abc")
      assert.are.equal("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        aws.hmac("Jefe", "what do ya want for nothing?"))
      assert.are.equal("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        aws.hmac(("\xaa"):rep(131), "Test Using Larger Than Block-Size Key - Hash Key First"))
      assert.are.equal("900150983cd24fb0d6963f7d28e17f72", aws.md5 "abc")
    end)

    it("take empty texts and megabytes", function()
      assert.are.equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        aws.sha256 "")
      assert.are.equal("d41d8cd98f00b204e9800998ecf8427e", aws.md5 "")
      assert.are.equal("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
        aws.sha256(("a"):rep(1000000)))
      assert.are.equal("", aws.hex "")
      assert.are.equal("00ff10", aws.hex "\0\xff\x10")
      assert.are.equal(2 << 20, #aws.hex(("\xff"):rep(1 << 20)))
    end)
  end)

  it("makes UUIDs that differ", function()
    local seen = {}
    for _ = 1, 1000 do
      local uuid = aws.uuid()
      assert.matches(
        "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$", uuid)
      assert.is_nil(seen[uuid])
      seen[uuid] = true
    end
  end)

  -- The kept key was looked up by the region and the service with a NUL between them, which they
  -- may hold too: the second signature was made with the key of the first. Found by fuzzing.
  it("keeps a key for just its own region and service", function()
    local asked = { method = "GET", path = "/", headers = { host = "example.com" } }
    local keys = { access_key = "AKID", secret_key = "secret" }
    local first, second = { region = "a\0b", service = "c", time = 1 },
      { region = "a", service = "b\0c", time = 1 }
    local kept = aws.signer()
    kept:headers(asked, keys, first)
    assert.are.equal((aws.signer():headers(asked, keys, second)),
      (kept:headers(asked, keys, second)))
  end)
end)
