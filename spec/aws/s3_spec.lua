local cjson = require "cjson"
local http = require "watchbot.http"
local ecs_server = require "support.ecs_server"
local workshop = require "support.workshop"

local task = workshop.task

-- The client of S3 in the program, through the suite's own AWS, which checks signatures as S3 does.
describe("S3", function()
  local server

  setup(function() server = ecs_server.start() end)
  teardown(function() server:close() end)

  before_each(task(function()
    server:reset()
    server:knobs { buckets = { ["my-jobs"] = "eu-west-1", ["dotted.jobs"] = "eu-west-1" } }
  end))

  local BY_HOST = { AWS_ENDPOINT_URL = false, AWS_REGION = "eu-west-1" }

  local function environment(more)
    local variables = server:environment()
    variables.HTTPS_PROXY, variables.https_proxy = server.url, server.url
    variables.NO_PROXY, variables.no_proxy, variables.ALL_PROXY = false, false, false
    variables.AWS_CA_BUNDLE = server:authority()
    variables.AWS_CONFIG_FILE, variables.AWS_SHARED_CREDENTIALS_FILE = "/dev/null", "/dev/null"
    for name, value in pairs(more or {}) do variables[name] = value end
    return variables
  end

  -- What `body`, the text of a function of a client, returns in a handler of the program.
  local function call(folder, body, more)
    folder:write("policy.lua", ([[
      local watchbot = require "watchbot"
      return watchbot.policy { handler = function(job)
        local s3, key, told = assert(watchbot.aws "s3"), job.message, {}
        local function run() %s end
        local all = table.pack(run())
        for index = 1, all.n do told[index] = all[index] or "nil" end
        local out = assert(io.open(job.attributes.out.value, "w"))
        out:write(require "cjson".encode(told))
        out:close()
      end }]]):format(body))
    local variables = environment(more or BY_HOST)
    local queue = folder:url()
    workshop.run(folder, { "send", "--queue", queue, "--attribute", "out=" .. folder:file "out",
      variables.KEY or "a key" }, variables)
    local exit, log = workshop.run(folder, { "run", "--drain", "--queue", queue, "policy.lua" },
      variables)
    assert.are.equal(0, exit.code, log)
    assert.matches('"outcome":"complete"', log)
    return table.unpack(cjson.decode(folder:read "out"))
  end

  local ROUND = [[
    assert(s3:PutObject { Bucket = BUCKET, Key = key, Body = "\0\1" .. ("x"):rep(1 << 20) })
    local got = assert(s3:GetObject { Bucket = BUCKET, Key = key })
    assert(s3:DeleteObject { Bucket = BUCKET, Key = key })
    local gone, err, code = s3:GetObject { Bucket = BUCKET, Key = key }
    return #got.Body, gone, code, got.ContentType]]

  for bucket, host in pairs {
    ["my-jobs"] = "my-jobs.s3.eu-west-1.amazonaws.com",
    ["dotted.jobs"] = "s3.eu-west-1.amazonaws.com",
  } do
    it("puts, gets and deletes an object at " .. host, task(function(folder)
      local before = #server:requests()
      assert.are.same({ 2 + (1 << 20), "nil", "NoSuchKey", "binary/octet-stream" },
        { call(folder, (ROUND:gsub("BUCKET", ("%q"):format(bucket)))) })
      local requests = server:requests()
      for index, operation in ipairs { "PutObject", "GetObject", "DeleteObject", "GetObject" } do
        assert.are.same({ host, operation },
          { requests[before + index].host, requests[before + index].operation })
      end
    end))
  end

  -- S3 does not normalize a path, and encodes it once: "a//b" and "a/b" are two objects.
  for _, key in ipairs { "a//b", "./a/../b", "a b+c&d=e", "%41", "\u{e4}?#:@", "~/-_.!*'()" } do
    it("signs the key " .. key .. " as it is sent", task(function(folder)
      call(folder, [[assert(s3:PutObject { Bucket = "my-jobs", Key = key, Body = "1" })]],
        { AWS_ENDPOINT_URL = false, AWS_REGION = "eu-west-1", KEY = key })
      assert.are.equal(1, server:objects()["my-jobs"][key].size)
    end))
  end

  -- A bucket is where it was made, whatever AWS_REGION is: S3 answers with its region.
  it("follows a bucket into its region, and remembers that", task(function(folder)
    server:knobs { buckets = { far = "us-west-2" } }
    local url = call(folder, [[
      assert(s3:PutObject { Bucket = "far", Key = key, Body = "1" })
      local url = assert(s3:presign({ Bucket = "far", Key = key }, 60))
      assert(s3:GetObject { Bucket = "far", Key = key })
      return url]])
    assert.matches("^https://far%.s3%.us%-west%-2%.amazonaws%.com/a%%20key%?", url)
    assert.matches("%%2Fus%-west%-2%%2Fs3%%2F", url)
    local elsewhere = 0
    for _, request in ipairs(server:requests()) do
      if request.host == "far.s3.eu-west-1.amazonaws.com" then elsewhere = elsewhere + 1 end
    end
    assert.are.equal(1, elsewhere)
  end))

  local function presign(folder, seconds, more)
    return call(folder, ([[
      assert(s3:PutObject { Bucket = "my-jobs", Key = key, Body = "the body" })
      return assert(s3:presign({ Bucket = "my-jobs", Key = key }, %s))]]):format(seconds), more)
  end

  it("presigns a URL that needs no credentials", task(function(folder)
    local url = presign(folder, 60, { AWS_REGION = "eu-west-1" })
    local response = assert(http.request { url = url })
    assert.are.same({ 200, "the body" }, { response.status, response.body })
    response = assert(http.request { url = (url:gsub("a%%20key", "another")) })
    assert.are.equal(403, response.status)
    response = assert(http.request { url = url, method = "DELETE" })
    assert.are.equal(403, response.status)
    server:knobs { clock_ahead = 100 }
    response = assert(http.request { url = url })
    assert.are.equal(403, response.status)
    assert.matches("Request has expired", response.body)
  end))

  -- A URL that outlives its token says so in no error but ExpiredToken: it must not promise more.
  it("presigns with a token, for as long as the credentials live", task(function(folder)
    local sts = server:client "sts"
    local keys = assert(sts:AssumeRole {
      RoleArn = "arn:aws:iam::123456789012:role/r", RoleSessionName = "s", DurationSeconds = 900,
    }).Credentials
    folder:write("keys.json", cjson.encode {
      Version = 1, AccessKeyId = keys.AccessKeyId, SecretAccessKey = keys.SecretAccessKey,
      SessionToken = keys.SessionToken, Expiration = keys.Expiration,
    })
    folder:write("config", "[default]\ncredential_process = cat " .. folder:file "keys.json"
      .. "\n")
    local url = presign(folder, 7 * 86400, {
      AWS_REGION = "eu-west-1", AWS_CONFIG_FILE = folder:file "config", AWS_ACCESS_KEY_ID = false,
      AWS_SECRET_ACCESS_KEY = false,
    })
    local expires = tonumber(url:match "X%-Amz%-Expires=(%d+)")
    assert.is_true(expires > 600 and expires <= 900, url)
    assert.matches("X%-Amz%-Security%-Token=", url)
    assert.are.equal(200, assert(http.request { url = url }).status)
  end))

  it("is refused as S3 refuses: wrong keys, wrong body, no bucket", task(function(folder)
    local put = [[return s3:PutObject { Bucket = "my-jobs", Key = key, Body = "1" }]]
    local _, err, code = call(folder, put, {
      AWS_ENDPOINT_URL = false, AWS_REGION = "eu-west-1", AWS_SECRET_ACCESS_KEY = "of-another",
    })
    assert.are.equal("SignatureDoesNotMatch", code)
    assert.matches("^s3:PutObject: The request signature", err)
    _, _, code = call(folder, (put:gsub("my%-jobs", "no-bucket")))
    assert.are.equal("NoSuchBucket", code)
    _, _, code = call(folder, (put:gsub("my%-jobs", "a/../b")))
    assert.are.equal("InvalidParameter", code)
  end))
end)
