"""A fictitious camera or recorder on a loopback address: honest by default, broken on request, always counting.

What it knows is in ``device``, what it says in ``rtsp_server`` and ``onvif_server``, and how its ports fall silent
in ``listener``.
"""

from __future__ import annotations

from probes.testing.device import Channel, Device
from probes.testing.faults import Fault
from probes.testing.listener import Listener
from probes.testing.onvif_server import OnvifConnection
from probes.testing.rtsp_server import RtspConnection


class FakeCamera(Device):
    """A device with an RTSP port and, where wanted, an HTTP port for ONVIF."""

    _rtsp: Listener
    _onvif: Listener | None = None
    cut_off = False
    """True while the line to the device is gone, which is no fault of its own."""

    @property
    def onvif_port(self) -> int | None:
        """The HTTP port of ONVIF, or None without ONVIF."""
        return None if self._onvif is None else self._onvif.port

    @property
    def listeners(self) -> list[Listener]:
        """All ports of the device."""
        return [self._rtsp] if self._onvif is None else [self._rtsp, self._onvif]

    async def open(self, *, rtsp_port: int = 0, onvif_port: int | None = None) -> None:
        """Bind the ports (0 picks a free one, None leaves ONVIF out) and answer. Raises OSError when one is taken."""
        self._rtsp = Listener(self.host, rtsp_port, lambda: RtspConnection(self))
        if onvif_port is not None:
            self._onvif = Listener(self.host, onvif_port, lambda: OnvifConnection(self))
        for listener in self.listeners:
            await listener.serve()
        self.rtsp_port = self._rtsp.port

    def close(self) -> None:
        """Give up the ports and every connection."""
        for listener in self.listeners:
            listener.close()
        self._drop_connections()

    async def inject(self, fault: Fault, channel: Channel | None = None, *, skew_s: float = 300.0) -> None:
        """Let ``fault`` befall the device, or one channel of it. ``skew_s`` is the error of CLOCK_SKEW in seconds."""
        if fault.is_of_device:
            self.faults.add(fault)
            self.skew_s = skew_s if fault is Fault.CLOCK_SKEW else self.skew_s
        else:
            for hit in self.channels if channel is None else [channel]:
                hit.faults.add(fault)
                hit.frozen_at = self.wall() if fault is Fault.FROZEN else hit.frozen_at
        await self.settle()

    async def repair(self, fault: Fault | None = None, channel: Channel | None = None) -> None:
        """End ``fault``, or with None every fault, of the device and of ``channel`` (None: of all channels)."""
        gone = set(Fault) if fault is None else {fault}
        self.faults -= gone
        for healed in self.channels if channel is None else [channel]:
            healed.faults -= gone
        if Fault.CLOCK_SKEW in gone:
            self.skew_s = 0.0
        await self.settle()

    async def settle(self) -> None:
        """Bring ports and connections in line with ``faults`` and ``cut_off``."""
        if self.cut_off or Fault.POWER_LOST in self.faults:
            for listener in self.listeners:
                listener.fall_silent()
            self._go_dark()
        elif Fault.REFUSED in self.faults:
            for listener in self.listeners:
                listener.close()
            self._drop_connections()
        else:
            for listener in self.listeners:
                await listener.serve()
            if Fault.TARPIT in self.faults:
                self._go_dark()
            else:
                self._drop_dark()

    def _go_dark(self) -> None:
        for connection in self.connections:
            connection.go_dark()

    def _drop_connections(self) -> None:
        for connection in tuple(self.connections):
            connection.drop()

    def _drop_dark(self) -> None:
        for connection in tuple(self.connections):
            if connection.dark:
                connection.drop()
