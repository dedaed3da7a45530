local aws = require "watchbot.aws"
local buckets = require "watchbot.lib.buckets"
local core = require "watchbot.core".aws
local objects = require "watchbot.aws.objects"

-- The account, time and bucket of the examples in the Amazon S3 API Reference (sig-v4-header-based-
-- auth, sigv4-query-string-auth).
local KEYS = {
  access_key = "AKIAIOSFODNN7EXAMPLE", secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
}
local HOST = "examplebucket.s3.amazonaws.com"

local function scope(more)
  local all = {
    region = "us-east-1", service = "s3", time = 1369353600, raw_path = true, encoded_path = true,
  }
  for name, value in pairs(more) do all[name] = value end
  return all
end

describe("a request of S3", function()
  it("is signed as in AWS's example of a PUT: the path is not encoded twice", function()
    local authorization = core.signer():headers({
      method = "PUT", path = "/test%24file.text", body = "Welcome to Amazon S3.",
      headers = {
        Host = HOST, Date = "Fri, 24 May 2013 00:00:00 GMT",
        ["x-amz-storage-class"] = "REDUCED_REDUNDANCY",
      },
    }, KEYS, scope { content_sha256 = true })
    assert.are.equal("98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
      authorization:match "Signature=(%x+)$")
  end)

  it("is signed in a URL as in AWS's example: without the body", function()
    local query = core.signer():query({
      method = "GET", path = "/test.txt", headers = { Host = HOST },
    }, KEYS, scope { expires = 86400, unsigned_payload = true })
    assert.are.equal("aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
      query:match "X%-Amz%-Signature=(%x+)$")
  end)

  it("keeps a key as it is: encoded once, not normalized", function()
    for key, path in pairs {
      ["a//b"] = "/a//b", ["./a/../b"] = "/./a/../b", ["a b+c"] = "/a%20b%2Bc", ["%41"] = "/%2541",
      ["\u{e4}?#"] = "/%C3%A4%3F%23", ["~-_."] = "/~-_.",
    } do
      local _, _, _, route = objects.write("GetObject", { Bucket = "jobs", Key = key })
      assert.are.equal(path, route.path)
    end
  end)

  it("refuses what cannot be a bucket, a key or an operation here", function()
    for _, bucket in ipairs { "", "ab", "A-bucket", "-ab", "a/b", "a..b", "10.0.0.1", "evil.com/x?",
      "b@evil", ("x"):rep(64) } do
      assert.is_false(buckets.is_bucket(bucket), bucket)
      local body, err, code = objects.write("GetObject", { Bucket = bucket, Key = "k" })
      assert.are.same({ nil, "InvalidParameter" }, { body, code })
      assert.matches("bucket", err)
    end
    for _, key in ipairs { "", "\0", "\xff", ("x"):rep(1025) } do
      assert.is_false(buckets.is_key(key))
    end
    assert.is_nil(objects.write("ListBuckets", { Bucket = "jobs", Key = "k" }))
  end)

  local function at(url, host, path, region)
    return {
      url = url, host = host, name = host:gsub(":%d+$", ""), path = path or "/",
      clear = url:find "^http:" ~= nil, region = region or "eu-west-1", service = "s3",
    }
  end

  it("goes to the bucket's host, or to a path where the certificate does not cover it", function()
    local route = { method = "GET", bucket = "jobs", path = "/k" }
    local s3 = "s3.eu-west-1.amazonaws.com"
    local place = objects.place(at("https://" .. s3 .. "/", s3), route)
    assert.are.same({ "https://jobs." .. s3 .. "/k", "jobs." .. s3, "/k" },
      { place.url, place.host, place.path })
    route.bucket = "my.jobs"
    place = objects.place(at("https://" .. s3 .. "/", s3), route)
    assert.are.same({ "https://" .. s3 .. "/my.jobs/k", s3, "/my.jobs/k" },
      { place.url, place.host, place.path })
    route.bucket = "jobs"
    place = objects.place(at("http://localhost:4566/x", "localhost:4566", "/x"), route)
    assert.are.same({ "http://localhost:4566/x/jobs/k", "localhost:4566", "/x/jobs/k" },
      { place.url, place.host, place.path })
  end)

  it("goes to the bucket's own region, once that is known", function()
    local s3 = "s3.eu-west-1.amazonaws.com"
    local place = objects.place(at("https://" .. s3 .. "/", s3),
      { method = "GET", bucket = "jobs", path = "/k" }, "us-west-2")
    assert.are.same({ "https://jobs.s3.us-west-2.amazonaws.com/k", "us-west-2" },
      { place.url, place.region })
  end)

  it("has hosts of its own for FIPS and dual stack", function()
    local endpoint = require "watchbot.aws.endpoint"
    for host, variant in pairs {
      ["s3.eu-west-1.amazonaws.com"] = {}, ["s3-fips.eu-west-1.amazonaws.com"] = { fips = true },
      ["s3.dualstack.eu-west-1.amazonaws.com"] = { dualstack = true },
      ["s3-fips.dualstack.eu-west-1.amazonaws.com"] = { fips = true, dualstack = true },
    } do
      assert.are.equal("https://" .. host, endpoint.url("s3", "eu-west-1", variant))
    end
    assert.are.equal("https://s3.dualstack.cn-north-1.amazonaws.com.cn",
      endpoint.url("s3", "cn-north-1", { dualstack = true }))
  end)

  it("has a client that knows the operations of objects", function()
    assert.is_table(aws("s3", { region = "eu-west-1", credentials = KEYS }))
  end)
end)
