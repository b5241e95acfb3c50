# Lo que sale mal.
problem-bad-request = No entendimos la solicitud
problem-bad-request-say = Algo llegó incompleto. Vuelve a la página e inténtalo otra vez.
problem-not-signed-in = Hay que entrar
problem-not-signed-in-say = Entra en tu cuenta para ver esta página.
problem-forbidden = Esta página no es para tu cuenta
problem-forbidden-say = Tu cuenta no tiene permiso para abrirla. Si lo necesitas, pídelo a quien administra.
problem-form-expired = El formulario venció
problem-form-expired-say = Por tu seguridad no lo aceptamos: pasó mucho tiempo, o no salió de esta página. No se guardó nada; vuelve y envíalo otra vez.
problem-not-found = Aquí no hay nada
problem-not-found-say = La dirección no existe, o la página se mudó.
problem-method = Eso no se puede hacer aquí
problem-method-say = La página existe, pero no acepta esa acción.
problem-too-large = Es demasiado
problem-too-large-say = Lo que enviaste pasa de 64 KiB, más de lo que cabe en este formulario. No se guardó nada.
problem-too-many = Demasiados intentos
problem-too-many-say = Para proteger las cuentas, hay un límite de intentos seguidos.
problem-wait = { $seconds ->
    [one] Inténtalo de nuevo en un segundo.
   *[other] Inténtalo de nuevo en { $seconds } segundos.
}
problem-unavailable = Vuelve en un momento
problem-unavailable-say = Algo que necesitamos no responde ahora. No perdimos nada de lo tuyo; inténtalo de nuevo en unos segundos.
problem-internal = Fallamos nosotros
problem-internal-say = La culpa no es tuya. Ya quedó anotado; inténtalo de nuevo en un rato.
problem-back = Volver
problem-home = Ir al inicio
problem-id = Si nos escribes, danos este número:
