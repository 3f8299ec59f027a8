"""What every page of the viewer has: bar, drawer and the picture, which this machine draws."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from trame.app import asynchronous
from trame.widgets import html, vuetify3
from trame.widgets import vtk as trame_vtk
from trame_vtk.modules.vtk.protocols import vtkWebPublishImageDelivery
from trame_vuetify.ui.vuetify3 import SinglePageWithDrawerLayout

from experiments.results.wording import NOTICE

ENCODING_SECONDS = 0.01
"""Time between two looks whether a picture has been encoded."""

OVERLAY = "opacity: 0.92; max-width: calc(100% - 24px)"
"""Style of the cards in front of the picture."""


class RemotePicture:
    """A render window in a page.

    Args:
        server: of the page.
        window: the render window of VTK.
    """

    def __init__(self, server: Any, window: Any) -> None:
        """Not yet in the page."""
        self._server, self._window = server, window
        self._view: Any = None
        self._sending: asyncio.Task[None] | None = None

    def place(self) -> None:
        """Put the picture where the page is being laid out."""
        self._view = trame_vtk.VtkRemoteView(
            self._window, interactive_ratio=1, interactive_quality=70, still_quality=90
        )

    def push(self) -> None:
        """Draw the scene and send it as soon as it is encoded; VTK itself would look half a second later."""
        self._view.update()
        if self._sending is None or self._sending.done():
            self._sending = asynchronous.create_task(self._send())

    async def _send(self) -> None:
        protocol = self._server.protocol
        if protocol is None:
            return
        delivery = next(link for link in protocol.getLinkProtocols() if isinstance(link, vtkWebPublishImageDelivery))
        while delivery.app.GetHasImagesBeingProcessed(self._window):
            await asyncio.sleep(ENCODING_SECONDS)
            delivery.push_render(str(delivery.get_global_id(self._window)))


@contextmanager
def page_shell(server: Any, title: str, picture: RemotePicture) -> Iterator[tuple[Any, Any]]:
    """Lay out a page; the block fills the two that are yielded: its drawer, and the space in front of the picture.

    Args:
        server: of the page, whose state has ``dark`` and ``names``.
        title: in the bar.
        picture: behind the cards.
    """
    # no state of the drawer to begin with: open beside the picture, closed where it would cover it
    with SinglePageWithDrawerLayout(
        server,
        show_drawer=None,
        theme=("dark ? 'dark' : 'light'",),
        vuetify_config={"theme": {"defaultTheme": "light"}},
    ) as layout:
        layout.title.set_text(title)
        with layout.toolbar:
            vuetify3.VSpacer()
            vuetify3.VProgressLinear(
                indeterminate=True, absolute=True, location="bottom", active=("trame__busy",), id="busy"
            )
            vuetify3.VSwitch(
                v_model=("dark",), label="dark", hide_details=True, density="compact", classes="flex-grow-0 mr-4"
            )
        with layout.drawer as drawer:
            drawer.width = 320
            drawer.mobile_breakpoint = ("600",)
            drawer.permanent = drawer.disable_resize_watcher = False
        with layout.content:
            front = html.Div(style="position: relative; height: 100%; width: 100%; overflow: hidden")
        with front:
            picture.place()
            with html.Div(style="position: absolute; inset: 4px 0 auto; pointer-events: none"):
                html.Div(NOTICE, classes="text-caption text-center px-2", role="note")
                with html.Div(classes="d-flex text-subtitle-1 font-weight-bold text-center"):
                    html.Span("{{ name }}", v_for="name in names", key=("name",), style="flex: 1")
        yield drawer, front
        layout.footer.hide()
