"""A small RTSP camera, for Debian's own Python (python3-gi): pictures of a moving ball.

Usage: /usr/bin/python3 rtsp_server.py PORT [USER PASSWORD]; says "ready" when it listens.
"""

import sys
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

PIPELINE = (
    "( videotestsrc is-live=true pattern=ball ! "
    "video/x-raw,width=320,height=240,framerate=15/1 ! "
    "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! "
    "rtph264pay name=pay0 pt=96 config-interval=1 )"
)


def serve(port: int, login: tuple[str, str] | None) -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(port))
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(PIPELINE)
    factory.set_shared(True)
    if login is not None:
        require_login(server, factory, *login)
    server.get_mount_points().add_factory("/till", factory)
    server.attach(None)
    print("ready", flush=True)  # noqa: T201 (the test waits for it)
    GLib.MainLoop().run()


def require_login(server: Any, factory: Any, user: str, password: str) -> None:  # noqa: ANN401 (gi has no types)
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "user")
    authentication = GstRtspServer.RTSPAuth()
    basic = GstRtspServer.RTSPAuth.make_basic(user, password)
    authentication.add_basic(basic, token)
    server.set_auth(authentication)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("user", "media.factory.access", True)
    permissions.add_permission_for_role("user", "media.factory.construct", True)
    factory.set_permissions(permissions)


if __name__ == "__main__":
    serve(int(sys.argv[1]), (sys.argv[2], sys.argv[3]) if len(sys.argv) > 3 else None)
