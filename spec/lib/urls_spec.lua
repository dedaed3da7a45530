-- `watchbot check` printed http://user:password@host of a policy into the log of a build. Whatever
-- shows a URL to people goes through this module.

local urls = require "watchbot.lib.urls"

describe("a URL in text", function()
  it("is shown without user name and password", function()
    for given, shown in pairs {
      ["http://bob:hunter2@host:9/1/jobs"] = "http://[hidden]@host:9/1/jobs",
      ["cannot reach https://ghp_token@host/x, sorry"] =
        "cannot reach https://[hidden]@host/x, sorry",
      ["'postgres://bob:p@ss@db/x'"] = "'postgres://[hidden]@db/x'",
      ["amqps+tls://bob:it's@db/x"] = "amqps+tls://[hidden]@db/x",
      ["http://bob:pa/ss@host/x"] = "http://[hidden]@host/x",
      ["http://bob:pa?s#s@host/x"] = "http://[hidden]@host/x",
      ["http://bob:@host and redis://:secret@host"] =
        "http://[hidden]@host and redis://[hidden]@host",
      ["--db=http://a:b@c/ http://d:e@f/"] = "--db=http://[hidden]@c/ http://[hidden]@f/",
      ["HTTP://A:B@C/"] = "HTTP://[hidden]@C/",
      ["http://a:b@[::1]:8/"] = "http://[hidden]@[::1]:8/",
    } do
      assert.are.equal(shown, urls.hide(given))
      assert.are.equal(shown, urls.hide(urls.hide(given)))
    end
  end)

  it("is shown without the secrets of its query", function()
    for given, shown in pairs {
      ["https://b.s3.amazonaws.com/k?X-Amz-Date=1&X-Amz-Signature=abc&X-Amz-Security-Token=x%2F"] =
        "https://b.s3.amazonaws.com/k?X-Amz-Date=1&X-Amz-Signature=[hidden]"
        .. "&X-Amz-Security-Token=[hidden]",
      ["https://h/?api%5Fkey=1&page=2"] = "https://h/?api%5Fkey=[hidden]&page=2",
      ["https://h/#access_token=1&state=2"] = "https://h/#access_token=[hidden]&state=2",
      ["'https://h/?Password=a b'"] = "'https://h/?Password=[hidden] b'",
      ["https://h/?AWSAccessKeyId=AKIA&sig=1"] = "https://h/?AWSAccessKeyId=[hidden]&sig=[hidden]",
    } do
      assert.are.equal(shown, urls.hide(given))
    end
  end)

  it("stays as it is without a secret", function()
    for _, given in ipairs {
      "", "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs", "bob:pw@host", "a@b.example",
      "http://host:80/people/a@b", "http://host/a:b@c", "http://[::1]:80/a@b", "sqlite:/tmp/a@b.db",
      "https://h/?page=2&sort=name", "http://host:8080",
      "could not reach http://127.0.0.1:9: refused",
      "('http://host:80'), a@b", "http://",
    } do
      assert.are.equal(given, urls.hide(given))
    end
  end)
end)

describe("an address", function()
  it("that lacks its scheme is shown without user name and password", function()
    for given, shown in pairs {
      ["bob:hunter2@h/1"] = "[hidden]@h/1", ["http://a:b@c/"] = "http://[hidden]@c/",
      ["sqlite:/tmp/a@b.db"] = "sqlite:/tmp/a@b.db", ["jobs@home"] = "jobs@home", [""] = "",
    } do
      assert.are.equal(shown, urls.value(given))
    end
  end)

  it("is shown without user name and password, with a scheme or not", function()
    for given, shown in pairs {
      ["http://me:s3cret/odd@proxy:3128"] = "http://proxy:3128", ["a:b@proxy:1"] = "proxy:1",
      ["socks5h://a:b@proxy:1"] = "socks5h://proxy:1", ["proxy:1"] = "proxy:1",
    } do
      assert.are.equal(shown, urls.without_user(given))
    end
  end)
end)
